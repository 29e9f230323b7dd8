//! Starts what is measured: upstream, nginx, and the gateway with everything on.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::Failure;
use crate::measure::Target;

/// Whether the upstream speaks TLS.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Upstream {
    Plain,
    Tls,
}

/// How the signer waits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signer {
    /// Until it is woken: the default.
    Sleeps,
    /// On a core of its own, without sleeping (`signer.wait = "poll"`).
    Polls,
}

/// Whether there is an account with an RSA key beside the one that is measured.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Accounts {
    One,
    WithRsa,
}

/// The real key of the account with RSA.
const RSA_KEY: &str = include_str!("../../../crates/vault/testdata/rsa-2048.pem");
const REAL_KEY: &str = "benchRealKeyAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
const REAL_SECRET: &str = "benchRealSecretAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Everything that runs, and ends with it.
pub(crate) struct Stack {
    pub(crate) targets: [Target; 3],
    /// A bot whose account's key is RSA, where there is one.
    pub(crate) rsa: Option<Target>,
    pub(crate) signer: u32,
    upstream: u32,
    children: Children,
    configuration: PathBuf,
    _directory: tempfile::TempDir,
}

/// Processes that end with it, also where the start fails half-way.
struct Children(Vec<Child>);

impl Drop for Children {
    fn drop(&mut self) {
        // In reverse: the gateway drains before its upstream goes.
        for child in self.0.iter_mut().rev() {
            let _ = Command::new("kill").arg(child.id().to_string()).status();
            let _ = child.wait();
        }
    }
}

impl Stack {
    /// Starts all three, with one worker each.
    pub(crate) fn start(
        kind: Upstream,
        signer: Signer,
        accounts: Accounts,
    ) -> Result<Self, Failure> {
        let directory = tempfile::tempdir()?;
        let folder = directory.path();
        // The gateway's own user must reach its data directory inside it.
        std::fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
        let [port, nginx_port] = [free_port()?, free_port()?];
        let mut children = Children(Vec::new());

        let mut upstream = Command::new(std::env::current_exe()?);
        upstream.args(["upstream", "--port", &port.to_string()]);
        upstream.args(["--key", REAL_KEY, "--secret", REAL_SECRET]);
        if kind == Upstream::Tls {
            let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()])?;
            std::fs::write(folder.join("certificate.pem"), made.cert.pem())?;
            std::fs::write(folder.join("private.pem"), made.signing_key.serialize_pem())?;
            upstream.arg("--certificate").arg(folder.join("certificate.pem"));
            upstream.arg("--private-key").arg(folder.join("private.pem"));
        }
        let upstream = upstream.spawn()?;
        let upstream_id = upstream.id();
        children.0.push(upstream);
        answers(port)?;

        let nginx = nginx(folder, nginx_port, port, kind)?;
        let nginx_processes = with_children(nginx.id());
        children.0.push(nginx);
        answers(nginx_port)?;

        let gateway = Gateway::start(folder, port, kind, (signer, accounts))?;
        let processes = with_children(gateway.child.id());
        let signer_process = find(&processes, "__signer").ok_or("the signer is not running")?;
        children.0.push(gateway.child);

        // With a TLS upstream a bot's direct connection is not what is compared:
        // the direct row is then a second plain upstream's.
        let direct = if kind == Upstream::Tls {
            let plain = free_port()?;
            let mut second = Command::new(std::env::current_exe()?);
            second.args(["upstream", "--port", &plain.to_string()]);
            second.args(["--key", REAL_KEY, "--secret", REAL_SECRET]);
            children.0.insert(0, second.spawn()?);
            answers(plain)?;
            plain
        } else {
            port
        };
        let real = |name, port: u16, processes| Target {
            name,
            address: format!("127.0.0.1:{port}"),
            prefix: String::new(),
            api_key: REAL_KEY.to_owned(),
            secret: REAL_SECRET.to_owned(),
            processes,
        };
        Ok(Self {
            rsa: gateway.rsa.map(|(api_key, secret)| Target {
                name: "rsa",
                address: gateway.address.clone(),
                prefix: gateway.prefix.clone(),
                api_key,
                secret,
                processes: Vec::new(),
            }),
            targets: [
                real("direct", direct, Vec::new()),
                real("nginx", nginx_port, nginx_processes),
                Target {
                    name: "gateway",
                    address: gateway.address,
                    prefix: gateway.prefix,
                    api_key: gateway.api_key,
                    secret: gateway.secret,
                    processes,
                },
            ],
            signer: signer_process,
            upstream: upstream_id,
            children,
            configuration: gateway.configuration,
            _directory: directory,
        })
    }

    /// nginx's and our own processes.
    pub(crate) fn measured(&self) -> Vec<u32> {
        self.targets.iter().flat_map(|target| target.processes.clone()).collect()
    }

    /// Those and the upstreams.
    pub(crate) fn all(&self) -> Vec<u32> {
        let mut all = self.measured();
        all.push(self.upstream);
        all.extend(self.children.0.iter().map(Child::id));
        all
    }

    /// Resident memory of our processes, MiB.
    pub(crate) fn memory_mib(&self) -> f64 {
        let kib: f64 = self
            .targets
            .iter()
            .filter(|target| target.name == "gateway")
            .flat_map(|target| &target.processes)
            .filter_map(|process| std::fs::read_to_string(format!("/proc/{process}/status")).ok())
            .filter_map(|status| {
                let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
                line.split_whitespace().nth(1)?.parse::<f64>().ok()
            })
            .sum();
        kib / 1024.0
    }

    /// What the gateway says of its own work: mean ns by phase. `sign`, `send`
    /// and `settle` wait for others, so under load they are not work alone.
    pub(crate) fn own_work_ns(&self) -> Result<serde_json::Value, Failure> {
        let status = countersign(&self.configuration, &["status", "--json"], None)?;
        let phases = status
            .get("phases")
            .and_then(serde_json::Value::as_object)
            .ok_or("`status` has no `phases`")?;
        let gateway: serde_json::Map<String, serde_json::Value> = phases
            .iter()
            .map(|(phase, one)| (phase.clone(), one.get("mean_ns").cloned().unwrap_or_default()))
            .collect();
        let signer = |name: &str| {
            status.get("signer").and_then(|signer| signer.get(name)?.as_u64()).unwrap_or(0)
        };
        let second_reading_and_sign = signer("work_ns") / signer("signed").max(1);
        Ok(serde_json::json!({
            "gateway": gateway,
            "signer": { "second_reading_and_sign": second_reading_and_sign },
        }))
    }
}

struct Gateway {
    child: Child,
    address: String,
    /// The path prefix under which the venue is reached.
    prefix: String,
    api_key: String,
    secret: String,
    rsa: Option<(String, String)>,
    configuration: PathBuf,
}

impl Gateway {
    fn start(
        folder: &Path,
        upstream: u16,
        kind: Upstream,
        (signer, accounts): (Signer, Accounts),
    ) -> Result<Self, Failure> {
        let configuration = folder.join("countersign.toml");
        let key_file = folder.join("key");
        std::fs::write(&key_file, [7_u8; 32])?;
        std::fs::set_permissions(&key_file, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
        let base = if kind == Upstream::Tls {
            format!("https://localhost:{upstream}")
        } else {
            format!("http://127.0.0.1:{upstream}")
        };
        let key_argument = key_file.to_string_lossy().into_owned();
        let port = free_port()?;
        let listen = format!("127.0.0.1:{port}");
        countersign(
            &configuration,
            &[
                "init",
                "--json",
                "--key-file",
                &key_argument,
                "--binance-url",
                &base,
                "--http",
                &listen,
            ],
            None,
        )?;
        if kind == Upstream::Tls {
            trust(&configuration, &folder.join("certificate.pem"))?;
        }
        if signer == Signer::Polls {
            let mut file = std::fs::OpenOptions::new().append(true).open(&configuration)?;
            file.write_all(b"\n[signer]\nwait = \"poll\"\n")?;
        }
        let (api_key, secret) = account(&configuration, &key_argument, "main", REAL_SECRET)?;
        let rsa = match accounts {
            Accounts::One => None,
            Accounts::WithRsa => Some(account(&configuration, &key_argument, "rsa", RSA_KEY)?),
        };
        let mut child = Command::new(binary()?)
            .arg("--config")
            .arg(&configuration)
            .args(["--json", "serve", "--allow-missing-sandbox", "--key-file", &key_argument])
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = child.stdout.take().ok_or("no standard output")?;
        let mut lines = BufReader::new(stdout).lines();
        let ready = loop {
            let line = lines.next().ok_or("`serve` ended before it was ready")??;
            let line: serde_json::Value = serde_json::from_str(&line)?;
            if line.get("ready").is_some() {
                break line;
            }
        };
        // Someone must go on reading, or the child blocks on a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Ok(Self {
            child,
            address: listen,
            prefix: ready
                .pointer("/bot_urls/binance")
                .and_then(|url| url.as_str()?.splitn(4, '/').nth(3).map(|path| format!("/{path}")))
                .unwrap_or_default(),
            api_key,
            secret,
            rsa,
            configuration,
        })
    }
}

/// Adds an account's keys and a bot that trades in it; that one's virtual key.
fn account(
    configuration: &Path,
    key_file: &str,
    account: &str,
    secret: &str,
) -> Result<(String, String), Failure> {
    let scheme = if secret == REAL_SECRET { "hmac" } else { "rsa" };
    for class in ["trade", "read"] {
        let name = format!("{account}-{class}");
        #[rustfmt::skip]
        let arguments = [
            "key", "add", "binance", &name, "--json", "--class", class, "--market", "BTCUSDT",
            "--order-notional", "1000000", "--hourly-notional", "1000000000000",
            "--account", account, "--scheme", scheme,
            "--key-file", key_file, "--secret-stdin", "--allow-missing-sandbox",
        ];
        countersign(configuration, &arguments, Some(&format!("{REAL_KEY}\n{secret}\n")))?;
    }
    let name = format!("bench-{account}");
    #[rustfmt::skip]
    let arguments = [
        "bot", "add", &name, "--json", "--preset", "taker", "--market", "BTCUSDT",
        "--account", account,
        "--max-order-notional", "1000000", "--max-notional-per-hour", "1000000000000",
        "--max-orders-per-second", "1000000", "--max-open-orders", "100000",
    ];
    let bot = countersign(configuration, &arguments, None)?;
    let field = |name: &str| {
        let text = bot.get(name).and_then(serde_json::Value::as_str).map(str::to_owned);
        text.ok_or(format!("`bot add` printed no `{name}`"))
    };
    Ok((field("api_key")?, field("secret")?))
}

/// Has the gateway trust the upstream's own certificate.
fn trust(configuration: &Path, root: &Path) -> Result<(), Failure> {
    let text = std::fs::read_to_string(configuration)?;
    let venue = "[venue.binance]";
    let with_root = format!("{venue}\nroot_certificates = {:?}", root.display().to_string());
    std::fs::write(configuration, text.replacen(venue, &with_root, 1))?;
    Ok(())
}

fn nginx(folder: &Path, port: u16, upstream: u16, kind: Upstream) -> Result<Child, Failure> {
    let scheme = if kind == Upstream::Tls { "https" } else { "http" };
    let configuration = folder.join("nginx.conf");
    std::fs::write(
        &configuration,
        format!(
            "daemon off; master_process off; worker_processes 1; error_log stderr crit; pid {folder}/nginx.pid;\n\
             events {{ worker_connections 4096; }}\n\
             http {{ access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;\n\
             fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;\n\
             keepalive_requests 100000000; \n\
             upstream venue {{ server 127.0.0.1:{upstream}; keepalive 128; keepalive_requests 100000000; }}\n\
             server {{ listen 127.0.0.1:{port} backlog=4096; location / {{ proxy_pass {scheme}://venue; proxy_http_version 1.1; \n\
             proxy_ssl_session_reuse on; proxy_ssl_protocols TLSv1.3; proxy_set_header Connection \"\"; }} }} }}\n",
            folder = folder.display()
        ),
    )?;
    Ok(Command::new("nginx").arg("-c").arg(&configuration).spawn().map_err(|error| {
        format!(
            "nginx did not start ({error}); `cargo xtask bench` installs Debian's `nginx-light`"
        )
    })?)
}

fn binary() -> Result<PathBuf, Failure> {
    let mut path = std::env::current_exe()?;
    path.set_file_name("countersign");
    Ok(path)
}

/// Runs one command of the product and reads its one JSON object.
fn countersign(
    configuration: &Path,
    arguments: &[&str],
    input: Option<&str>,
) -> Result<serde_json::Value, Failure> {
    let mut child = Command::new(binary()?)
        .arg("--config")
        .arg(configuration)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    if let (Some(mut pipe), Some(input)) = (child.stdin.take(), input) {
        pipe.write_all(input.as_bytes())?;
    }
    let output = child.wait_with_output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned()
            + &String::from_utf8_lossy(&output.stdout);
        return Err(format!("countersign {}: {said}", arguments.join(" ")).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn free_port() -> Result<u16, Failure> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn answers(port: u16) -> Result<(), Failure> {
    for _ in 0..200 {
        if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Err(format!("nothing answers on port {port}").into())
}

/// A process and all below it.
fn with_children(process: u32) -> Vec<u32> {
    let mut all = vec![process];
    let mut at = 0;
    while let Some(&parent) = all.get(at) {
        let path = format!("/proc/{parent}/task/{parent}/children");
        let children = std::fs::read_to_string(path).unwrap_or_default();
        all.extend(children.split_whitespace().filter_map(|child| child.parse::<u32>().ok()));
        at += 1;
    }
    all
}

fn find(processes: &[u32], argument: &str) -> Option<u32> {
    processes.iter().copied().find(|process| {
        std::fs::read_to_string(format!("/proc/{process}/cmdline"))
            .is_ok_and(|line| line.contains(argument))
    })
}
