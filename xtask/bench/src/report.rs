//! Runs the layouts and prints what they gave.

use crate::Failure;
use crate::measure::{Beside, Cost, Latency, Size, beside, cost, latency, pin};
use crate::stack::{Accounts, Signer, Stack, Upstream};

#[derive(serde::Serialize)]
struct Ratios {
    added_p50: f64,
    added_p50_signer_on_its_own_core: f64,
    added_p99: f64,
    throughput: f64,
    cpu_per_request: f64,
}

#[derive(serde::Serialize)]
struct Report {
    ratio_to_nginx: Ratios,
    ratio_to_nginx_tls: Ratios,
    /// An order's latency beside RSA signatures and order lists, ÷ beside as many
    /// single orders.
    ratio_to_single_orders_beside: Beside,
    own_work_ns: serde_json::Value,
    idle_memory_mib: f64,
    plain: Details,
    tls: Details,
    notes: [&'static str; 3],
}

#[derive(serde::Serialize)]
struct Details {
    a: Latency,
    a_signer_apart: Latency,
    b32: Cost,
    b64: Cost,
}

/// Measures and prints: a table for a person, or one JSON object.
pub(crate) fn run(quick: bool, json: bool) -> Result<(), Failure> {
    let (plain, own_work_ns, idle_memory_mib) = layouts(Upstream::Plain, quick)?;
    let (tls, _, _) = layouts(Upstream::Tls, quick)?;
    let beside = delays(quick)?;
    let ratios = |details: &Details| Ratios {
        added_p50: details.a.added_p50,
        added_p50_signer_on_its_own_core: details.a_signer_apart.added_p50,
        added_p99: details.a.added_p99,
        throughput: details.b32.throughput,
        cpu_per_request: details.b32.cpu_per_request,
    };
    let report = Report {
        ratio_to_nginx: ratios(&plain),
        ratio_to_nginx_tls: ratios(&tls),
        ratio_to_single_orders_beside: beside,
        own_work_ns,
        idle_memory_mib,
        plain,
        tls,
        notes: [
            "ratios are taken inside one repetition and are medians",
            "nginx writes no log in the comparison; the gateway writes its own",
            "the upstream checks every signature; a refused order ends the run",
        ],
    };
    if json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        table(&report);
    }
    Ok(())
}

fn layouts(upstream: Upstream, quick: bool) -> Result<(Details, serde_json::Value, f64), Failure> {
    let name = if upstream == Upstream::Tls { "tls" } else { "plain" };
    eprintln!("{name}: starting upstream, nginx and the gateway");
    let stack = Stack::start(upstream, Signer::Sleeps, Accounts::One)?;
    let idle = stack.memory_mib();
    let one = one_connection(quick);
    for process in stack.all() {
        pin(process, 0)?;
    }
    let a = latency(&stack.targets, one, "a")?;
    for process in stack.measured() {
        pin(process, 1)?;
    }
    let [_, nginx, gateway] = &stack.targets;
    let b32 = cost(nginx, gateway, Size { connections: 32, ..one }, "m")?;
    let b64 = cost(nginx, gateway, Size { connections: 64, ..one }, "n")?;
    let own = stack.own_work_ns()?;
    drop(stack);
    let stack = Stack::start(upstream, Signer::Polls, Accounts::One)?;
    for process in stack.all() {
        pin(process, 0)?;
    }
    pin(stack.signer, 1)?;
    let a_signer_apart = latency(&stack.targets, one, "s")?;
    Ok((Details { a, a_signer_apart, b32, b64 }, own, idle))
}

const fn one_connection(quick: bool) -> Size {
    let (repetitions, seconds) = if quick { (3, 0.5) } else { (7, 1.5) };
    Size { repetitions, seconds, connections: 1 }
}

/// Whether what takes long to sign or to read delays what does not.
fn delays(quick: bool) -> Result<Beside, Failure> {
    eprintln!("beside: starting upstream, nginx and the gateway");
    let stack = Stack::start(Upstream::Plain, Signer::Sleeps, Accounts::WithRsa)?;
    for process in stack.all() {
        pin(process, 0)?;
    }
    for process in stack.measured() {
        pin(process, 1)?;
    }
    let [.., gateway] = &stack.targets;
    let rsa = stack.rsa.as_ref().ok_or("no bot with an RSA key")?;
    beside(gateway, rsa, one_connection(quick))
}

/// Starts everything as layout B (or A', polling) has it and holds it until standard input ends,
/// so that a profiler can look: prints where what runs.
pub(crate) fn hold(tls: bool, polls: bool) -> Result<(), Failure> {
    let upstream = if tls { Upstream::Tls } else { Upstream::Plain };
    let signer = if polls { Signer::Polls } else { Signer::Sleeps };
    let stack = Stack::start(upstream, signer, Accounts::One)?;
    for process in stack.all() {
        pin(process, 0)?;
    }
    if polls {
        pin(stack.signer, 1)?;
    } else {
        for process in stack.measured() {
            pin(process, 1)?;
        }
    }
    for target in &stack.targets {
        println!(
            "{} --address {} --prefix {} --key {} --secret {} processes {:?}",
            target.name,
            target.address,
            if target.prefix.is_empty() { "/" } else { &target.prefix },
            target.api_key,
            target.secret,
            target.processes
        );
    }
    println!("signer {}", stack.signer);
    let _ = std::io::stdin().lines().count();
    println!("own work, ns a request: {}", stack.own_work_ns()?);
    Ok(())
}

fn table(report: &Report) {
    println!("\n÷ nginx proxy_pass (no log), same repetition      plain    TLS upstream");
    let row = |name: &str, of: &dyn Fn(&Ratios) -> f64| {
        println!(
            "{name:<48} {:>6.2}   {:>6.2}",
            of(&report.ratio_to_nginx),
            of(&report.ratio_to_nginx_tls)
        );
    };
    row("added p50, one connection, one core (A)", &|r| r.added_p50);
    row("the same, signer on a core of its own (A')", &|r| r.added_p50_signer_on_its_own_core);
    row("added p99 (A)", &|r| r.added_p99);
    row("throughput, 32 connections (B)", &|r| r.throughput);
    row("processor per request, 32 connections (B)", &|r| r.cpu_per_request);
    let (plain, tls) = (&report.plain, &report.tls);
    println!(
        "\nadded p50, µs: nginx {:.1}, gateway {:.1}; with TLS upstream: nginx {:.1}, gateway {:.1}",
        plain.a.nginx_added_p50_us,
        plain.a.gateway_added_p50_us,
        tls.a.nginx_added_p50_us,
        tls.a.gateway_added_p50_us
    );
    println!(
        "requests a second on one core: nginx {:.0}, gateway {:.0}; with TLS upstream: {:.0}, {:.0}",
        plain.b32.nginx_per_second,
        plain.b32.gateway_per_second,
        tls.b32.nginx_per_second,
        tls.b32.gateway_per_second
    );
    let beside = &report.ratio_to_single_orders_beside;
    println!(
        "an order beside RSA signatures, ÷ beside single orders: p50 {:.2}, p99 {:.2}; beside order \
         lists: p50 {:.2}, p99 {:.2}",
        beside.rsa_p50, beside.rsa_p99, beside.order_list_p50, beside.order_list_p99
    );
    println!("idle memory of all our processes: {:.0} MiB", report.idle_memory_mib);
    println!("own work, ns a request: {}", report.own_work_ns);
    for note in report.notes {
        println!("- {note}");
    }
}
