//! The signer's own judgement: a compromised gateway asks the real signer, a
//! process of its own, for whatever it likes, and sends what it was given to
//! the paper venue.
//!
//! Without the usual harness: the numbers are always printed, and the same
//! executable is the signer process. Arguments that do not start with `-`
//! select cases by a part of their name. `COUNTERSIGN_FULL=1` runs ten times
//! as many generated texts.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "test code"
)]

mod cuts;
mod futures;
mod grants;
mod matrix;
mod oracle;
mod pairs;
mod refusals;
mod replay;
mod schemes;
mod signer;
mod state;
mod venue;
mod wild;
mod woox;

use std::process::ExitCode;
use std::time::Instant;

type Case = (&'static str, fn());

const CASES: &[Case] = &[
    ("every_text_of_the_client_matrix_is_signed", matrix::every_text_is_signed),
    ("pairs_of_endpoints_that_share_a_text", pairs::judged_by_the_worse),
    ("what_is_refused_and_why", refusals::each_with_its_code),
    ("orders_over_the_ceiling", refusals::orders_over_the_ceiling),
    ("value_out_only_to_listed_destinations", refusals::value_out),
    ("grants_forged_altered_and_repeated", grants::forged_altered_and_repeated),
    ("a_batch_is_charged_as_a_whole", refusals::a_batch_is_charged_as_a_whole),
    ("cuts_that_change_the_meaning", cuts::that_change_the_meaning),
    ("a_maker_only_ceiling_holds_in_every_cut", cuts::maker_only_holds),
    ("a_numeral_of_another_script_is_a_number", cuts::numerals),
    ("state_that_is_rolled_back_or_missing_is_spent", state::rolled_back_or_missing),
    ("a_futures_order_is_never_charged_as_spot", futures::never_charged_as_spot),
    ("futures_are_charged_again_after_a_restart", futures::charged_again_after_a_restart),
    ("each_order_of_a_futures_batch_is_charged", futures::each_order_of_a_batch),
    ("no_cut_of_a_futures_text_places_more", futures::no_cut_places_more),
    ("nonsense_ends_the_connection_only", refusals::nonsense),
    ("no_signed_text_is_worse_than_an_order", wild::no_signed_text_is_worse),
    ("signatures_sent_again_stay_in_bounds", replay::stay_in_bounds),
    ("a_withdrawal_sent_again_goes_nowhere_else", replay::a_withdrawal_sent_again),
    ("a_withdrawal_waits_for_the_last_ones_life", replay::withdrawals_one_at_a_time),
    ("other_schemes_are_judged_alike", schemes::are_judged_alike),
    ("other_schemes_log_no_session_on", schemes::log_no_session_on),
    ("other_schemes_are_taken_by_the_venue", schemes::are_taken_by_the_venue),
    ("woox_no_text_is_worse_than_it_was_read", woox::no_text_is_worse_than_it_was_read),
    ("woox_brute_force", woox::brute_force),
    ("woox_orders_stay_under_the_ceiling", woox::orders_stay_under_the_ceiling),
    (
        "woox_value_goes_to_the_listed_destination_only",
        woox::value_goes_to_the_listed_destination_only,
    ),
];

fn main() -> ExitCode {
    if std::env::var_os(signer::PROCESS).is_some() {
        return signer::process();
    }
    let wanted: Vec<String> =
        std::env::args().skip(1).filter(|one| !one.starts_with('-')).collect();
    let mut failed = Vec::new();
    for (name, case) in CASES {
        if !wanted.is_empty() && !wanted.iter().any(|part| name.contains(part.as_str())) {
            continue;
        }
        let start = Instant::now();
        let ended = std::panic::catch_unwind(case);
        let word = if ended.is_ok() { "ok" } else { "FAILED" };
        println!("{name} ... {word} ({:.1} s)", start.elapsed().as_secs_f32());
        if ended.is_err() {
            failed.push(*name);
        }
    }
    if failed.is_empty() {
        return ExitCode::SUCCESS;
    }
    println!("failed: {}", failed.join(", "));
    ExitCode::FAILURE
}

/// How many times the ordinary number of generated texts.
fn multiple() -> usize {
    if std::env::var_os("COUNTERSIGN_FULL").is_some_and(|value| value == "1") { 10 } else { 1 }
}
