use super::event::{Course, Event, Kind, clean};
use super::queue::{Next, Queue};
use super::{backoff, shape};
use crate::limits;
use std::time::{Duration, Instant};

/// What a bot might write to be read as something else.
const HOSTILE: &str = "<!channel> *x* `y` & https://evil.example\r\nBcc: a@b.example\u{202e}";

fn halt(number: u32, kind: Kind) -> Event {
    let event = Event::new(kind, format!("halt-{number}"), format!("halt {number}"));
    event.with("why", HOSTILE).advice("run `countersign resume 1`")
}

fn next(queue: &Queue, now: Instant) -> Option<Event> {
    match queue.take(now) {
        Next::Event(event) => Some(*event),
        Next::At(_) | Next::Nothing => None,
    }
}

#[test]
fn values_are_one_bounded_line_that_links_nowhere() {
    let shown = clean(HOSTILE);
    assert!(!shown.contains(['\r', '\n', '\u{202e}']) && !shown.contains("://"), "{shown}");
    assert_eq!(clean(&"x".repeat(5_000)).chars().count(), limits::NOTIFY_VALUE_CHARACTERS + 1);
}

/// The form that Slack documents: `text`, with `&`, `<` and `>` escaped.
#[test]
fn slack_reads_no_mention_no_link_and_no_formatting() {
    let body = shape::slack(&halt(1, Kind::HaltPlaced));
    let text = body["text"].as_str().unwrap();
    let inner = text.strip_prefix("```").unwrap().strip_suffix("```").unwrap();
    assert!(!inner.contains(['<', '>', '`']), "{inner}");
    assert!(inner.contains("&lt;!channel&gt;") && inner.contains("&amp;"), "{inner}");
    assert!(inner.starts_with("[CRITICAL] halt 1\nwhy: "), "{inner}");
    assert_eq!(body["unfurl_links"], false);
}

/// The form that Telegram documents for `sendMessage`; entities count UTF-16.
#[test]
fn telegram_reads_one_entity_of_code() {
    let mut event = halt(1, Kind::HaltPlaced);
    event.title = "\u{1f534} stop".to_owned();
    let body = shape::telegram(&event, "-100123");
    assert_eq!(body["chat_id"], "-100123");
    assert!(body.get("parse_mode").is_none());
    let length = body["text"].as_str().unwrap().encode_utf16().count();
    assert_eq!(body["entities"][0]["type"], "pre");
    assert_eq!((body["entities"][0]["offset"].as_u64(), length), (Some(0), length));
    assert_eq!(body["entities"][0]["length"], length);
    assert_eq!(body["link_preview_options"]["is_disabled"], true);
}

/// The fields that Events API v2 requires, and no other severity than its four.
#[test]
fn pagerduty_triggers_and_resolves_by_one_key() {
    let trigger = shape::pagerduty(&halt(7, Kind::HaltPlaced), "R0UTING", "host-1");
    let resolve = shape::pagerduty(&halt(7, Kind::HaltLifted), "R0UTING", "host-1");
    assert_eq!(trigger["routing_key"], "R0UTING");
    assert_eq!(
        (&trigger["event_action"], &resolve["event_action"]),
        (&"trigger".into(), &"resolve".into())
    );
    assert_eq!(trigger["dedup_key"], "countersign-host-1-halt-7");
    assert_eq!(trigger["dedup_key"], resolve["dedup_key"]);
    let payload = &trigger["payload"];
    assert_eq!((&payload["severity"], &payload["source"]), (&"critical".into(), &"host-1".into()));
    assert!(payload["summary"].as_str().unwrap().len() <= 1024);
    assert!(payload["timestamp"].as_str().unwrap().ends_with('Z'), "{payload}");
}

#[test]
fn our_own_shape_says_everything() {
    let body = shape::webhook(&halt(7, Kind::HaltLifted));
    for (field, value) in [("kind", "halt-lifted"), ("state", "closed"), ("incident", "halt-7")] {
        assert_eq!(body[field], value, "{body}");
    }
    assert_eq!((&body["version"], &body["count"]), (&1.into(), &1.into()));
    assert!(!shape::subject(&halt(7, Kind::HaltPlaced)).contains(['\r', '\n']));
}

#[test]
fn repeats_become_one_with_a_count() {
    let (queue, now) = (Queue::default(), Instant::now());
    for _ in 0..5 {
        queue.put(halt(1, Kind::HaltPlaced), now);
    }
    queue.put(halt(2, Kind::HaltPlaced), now);
    assert_eq!(next(&queue, now).unwrap().count, 5);
    assert_eq!(next(&queue, now).unwrap().incident, "halt-2");
    // Told a moment ago: the repeats wait together.
    queue.put(halt(1, Kind::HaltPlaced), now);
    queue.put(halt(1, Kind::HaltPlaced), now);
    assert!(next(&queue, now).is_none());
    let later = now + limits::NOTIFY_REPEATS + Duration::from_millis(1);
    assert_eq!(next(&queue, later).unwrap().count, 2);
    assert!(next(&queue, later).is_none());
}

#[test]
fn a_beginning_is_told_before_its_end() {
    let (queue, now) = (Queue::default(), Instant::now());
    queue.put(halt(1, Kind::HaltPlaced), now);
    next(&queue, now).unwrap();
    queue.put(halt(1, Kind::HaltPlaced), now);
    queue.put(halt(1, Kind::HaltLifted), now);
    let told = [next(&queue, now), next(&queue, now)].map(|event| event.unwrap().kind);
    assert_eq!(told, [Kind::HaltPlaced, Kind::HaltLifted]);
}

/// INVARIANT (bounded): where there is no room the least severe goes.
#[test]
fn a_full_queue_keeps_what_is_worst_and_counts_the_rest() {
    let (queue, now) = (Queue::default(), Instant::now());
    for number in 0..1_000 {
        queue.put(Event::new(Kind::Hold, format!("hold-{number}"), "hold"), now);
    }
    let counted = queue.counted("t");
    assert_eq!((counted.waiting, counted.dropped), (limits::NOTIFY_WAITING as u64, 1_000 - 64));
    queue.put(halt(1, Kind::HaltPlaced), now);
    queue.put(Event::new(Kind::ApprovalGranted, "approval-1".to_owned(), "granted"), now);
    let counted = queue.counted("t");
    assert_eq!((counted.waiting, counted.dropped), (limits::NOTIFY_WAITING as u64, 1_000 - 62));
    let all: Vec<Event> = std::iter::from_fn(|| next(&queue, now)).collect();
    assert!(all.iter().any(|event| event.kind == Kind::HaltPlaced));
    assert!(all.iter().all(|event| event.kind != Kind::ApprovalGranted));
}

#[test]
fn an_end_is_heard_by_whoever_heard_the_beginning() {
    let pairs = [
        (Kind::HaltPlaced, Kind::HaltLifted),
        (Kind::SignerGone, Kind::SignerBack),
        (Kind::LogFailing, Kind::LogRecovered),
        (Kind::VenueQuiet, Kind::VenueOpen),
        (Kind::ApprovalPending, Kind::ApprovalUsed),
        (Kind::ApprovalPending, Kind::ApprovalRejected),
    ];
    for (begins, ends) in pairs {
        assert_eq!((begins.topic(), begins.weight()), (ends.topic(), ends.weight()), "{ends:?}");
        assert_eq!((begins.course(), ends.course()), (Course::Open, Course::Close));
    }
}

#[test]
fn waits_grow_and_what_a_target_asks_for_is_kept() {
    assert_eq!(backoff(0, None), limits::NOTIFY_AGAIN);
    assert_eq!(backoff(3, None), Duration::from_secs(8));
    assert_eq!(backoff(90, None), limits::NOTIFY_AGAIN_MOST);
    assert_eq!(backoff(0, Some(Duration::from_secs(30))), Duration::from_secs(30));
    assert_eq!(backoff(0, Some(Duration::from_secs(u64::MAX))), limits::NOTIFY_GIVE_UP);
}
