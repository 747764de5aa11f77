use std::os::unix::net::UnixDatagram;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::*;

/// Everything that was written, to look at afterwards.
#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Page {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

fn event() -> Event {
    let at = SystemTime::UNIX_EPOCH + Duration::from_micros(1_700_000_000_123_456);
    Event::new(Kind::LimitExceeded, at, SourceId::from("line-a"), "pressure is past its limit")
        .with("device", "pump-1")
        .with("unit", 1_u8)
        .with("tag", "pressure")
        .with("value", 9.5)
        .with("running", true)
        .with("quality", "Good")
}

/// An event whose every text tries to be more than one.
fn hostile() -> Event {
    let text = "gone\n2023-11-14 error device.down \u{1b}[2J\u{202e}";
    Event::new(Kind::DeviceDown, event().at, SourceId::from("line\ra"), text)
        .with("device", "pump\n1")
        .with("detail", "two\nlines \"quoted\"")
}

/// What `output` shows of `events`.
fn written(output: fn(Box<Page>) -> Output, events: &[Event]) -> String {
    let page = Page::default();
    let mut sink = sink(output(Box::new(page.clone())), Path::new("/nonexistent"));
    for event in events {
        sink.take(event);
    }
    page.text()
}

fn sink(output: Output, journal: &Path) -> Sink {
    let mut sink = Sink::new(output, Some("pump-station-7".into()), journal).unwrap();
    sink.identity.run_id = "0123456789abcdef0123456789abcdef".to_owned();
    sink
}

/// A journald that reads only when asked, and a sink that writes to it.
fn journal() -> (tempfile::TempDir, UnixDatagram, Sink) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("socket");
    let journald = UnixDatagram::bind(&path).unwrap();
    journald.set_nonblocking(true).unwrap();
    let sink = sink(Output::Journald, &path);
    (dir, journald, sink)
}

fn received(journald: &UnixDatagram) -> Option<String> {
    let mut entry = vec![0; 64 * 1024];
    let len = journald.recv(&mut entry).ok()?;
    Some(String::from_utf8_lossy(&entry[..len]).into_owned())
}

#[test]
fn json_is_one_flat_object_a_line_with_numbers_as_numbers() {
    let json = written(|page| Output::Json(page), &[event(), hostile()]);
    insta::assert_snapshot!(json.replace('\u{202e}', "<RLO>"), @r#"
    {"event":"limit.exceeded","severity":"warning","at":"2023-11-14T22:13:20.123456Z","source":"line-a","site":"pump-station-7","text":"pressure is past its limit","run_id":"0123456789abcdef0123456789abcdef","seq":0,"device":"pump-1","unit":1,"tag":"pressure","value":9.5,"running":true,"quality":"Good"}
    {"event":"device.down","severity":"error","at":"2023-11-14T22:13:20.123456Z","source":"line\ra","site":"pump-station-7","text":"gone\n2023-11-14 error device.down \u001b[2J<RLO>","run_id":"0123456789abcdef0123456789abcdef","seq":1,"device":"pump\n1","detail":"two\nlines \"quoted\""}
    "#);
    assert_eq!(json.lines().count(), 2);
    for line in json.lines() {
        let _: serde_json::Value = serde_json::from_str(line).unwrap();
    }
}

#[test]
fn good_news_is_a_notice_in_every_format_whatever_its_kind_is() {
    let event = Event::new(Kind::GooseLost, event().at, SourceId::from("eth1"), "heard again");
    let event = [event.as_good_news()];
    let text = written(|out| Output::Text { out, color: false }, &event);
    assert!(text.contains(" notice  goose.lost"), "{text}");
    let json = written(|page| Output::Json(page), &event);
    assert!(json.contains(r#""severity":"notice""#), "{json}");
    let (_dir, journald, mut sink) = journal();
    sink.take(&event[0]);
    assert!(received(&journald).unwrap().contains("\nPRIORITY=5\n"));
}

#[test]
fn text_is_one_line_an_event_whatever_the_event_contains() {
    let text = written(|out| Output::Text { out, color: false }, &[event(), hostile()]);
    insta::assert_snapshot!(text, @r#"
    2023-11-14T22:13:20.123Z warning limit.exceeded   line-a: pressure is past its limit
    2023-11-14T22:13:20.123Z error   device.down      line\ra: gone\n2023-11-14 error device.down \u{1b}[2J\u{202e}
    "#);
    assert_eq!(text.lines().count(), 2);
}

#[test]
fn text_shows_severity_as_colour_where_it_may() {
    let text = written(|out| Output::Text { out, color: true }, &[event()]);
    insta::assert_snapshot!(text.replace('\u{1b}', "ESC"), @"ESC[2m2023-11-14T22:13:20.123ZESC[0m ESC[1mESC[33mwarning limit.exceeded  ESC[0m line-a: pressure is past its limit");
}

#[test]
fn a_journal_entry_has_a_field_for_each_thing_one_may_search_for() {
    let (_dir, journald, mut sink) = journal();
    sink.take(&event());
    insta::assert_snapshot!(received(&journald).unwrap(), @r#"
    MESSAGE=pressure is past its limit
    PRIORITY=4
    SYSLOG_IDENTIFIER=infra_monitor
    MESSAGE_ID=2b0d6e695fb54e26b7e0eed7ac6c9599
    IM_EVENT=limit.exceeded
    IM_SOURCE=line-a
    IM_SITE=pump-station-7
    IM_RUN_ID=0123456789abcdef0123456789abcdef
    IM_SEQ=0
    IM_AT=2023-11-14T22:13:20.123456Z
    IM_DEVICE=pump-1
    IM_UNIT=1
    IM_TAG=pressure
    IM_VALUE=9.5
    IM_RUNNING=true
    IM_QUALITY=Good
    "#);
}

#[test]
fn a_value_of_two_lines_stays_one_field() {
    let (_dir, journald, mut sink) = journal();
    sink.take(&hostile());
    let entry = received(&journald).unwrap();
    let message = "MESSAGE\n\u{29}\0\0\0\0\0\0\0gone\n2023-11-14 error device.down";
    assert!(entry.starts_with(message), "{entry:?}");
    assert!(entry.contains("IM_DETAIL\n\u{12}\0\0\0\0\0\0\0two\nlines \"quoted\"\n"), "{entry:?}");
}

#[test]
fn without_journald_events_are_counted_and_told_when_it_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("socket");
    let mut sink = sink(Output::Journald, &path);
    (0..3).for_each(|_| sink.take(&event()));
    assert_eq!(sink.ledger.to_string(), "in 3 = out 0 + 3 journal_unavailable");
    let journald = UnixDatagram::bind(&path).unwrap();
    journald.set_nonblocking(true).unwrap();
    sink.take(&event());
    assert!(
        received(&journald)
            .unwrap()
            .starts_with("MESSAGE=events before this one that could not be written: 3 (")
    );
    assert!(received(&journald).unwrap().starts_with("MESSAGE=pressure is past"));
    assert_eq!(sink.ledger.to_string(), "in 4 = out 1 + 3 journal_unavailable");
}

#[test]
fn a_restarted_journald_is_found_again_without_a_loss() {
    let (dir, journald, mut sink) = journal();
    sink.take(&event());
    drop(journald);
    let path = dir.path().join("socket");
    std::fs::remove_file(&path).unwrap();
    let journald = UnixDatagram::bind(&path).unwrap();
    journald.set_nonblocking(true).unwrap();
    sink.take(&event());
    assert!(received(&journald).unwrap().contains("\nIM_SEQ=1\n"));
    assert_eq!(sink.ledger.to_string(), "in 2 = out 2");
}

#[test]
fn a_stalled_journald_is_waited_for_once_and_then_costs_nothing() {
    let (_dir, journald, mut sink) = journal();
    let start = Instant::now();
    (0..5_000).for_each(|_| sink.take(&event()));
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    assert!(sink.ledger.balances(), "{}", sink.ledger);
    let n_stalled = sink.ledger.dropped["journal_stalled"];
    assert_eq!(n_stalled, 5_000 - sink.ledger.left);
    // It reads again: what it missed is the next thing it hears.
    let n_read = std::iter::from_fn(|| received(&journald)).count() as u64;
    assert_eq!(n_read, sink.ledger.left);
    sink.take(&event());
    let confession = received(&journald).unwrap();
    assert!(confession.contains(&format!("\nIM_COUNT={n_stalled}\n")), "{confession}");
    assert!(received(&journald).unwrap().contains("IM_EVENT=limit.exceeded"));
}

#[test]
fn a_closed_output_is_counted_and_stops_nothing() {
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    let mut sink = sink(Output::Json(Box::new(writer)), Path::new("/nonexistent"));
    (0..3).for_each(|_| sink.take(&event()));
    assert_eq!(sink.ledger.to_string(), "in 3 = out 0 + 3 output_closed");
}

#[test]
fn a_huge_text_is_cut_and_not_refused() {
    let (_dir, journald, mut sink) = journal();
    let huge = "x".repeat(1 << 20);
    sink.take(&Event { text: huge.clone(), ..event() }.with("detail", huge));
    assert_eq!(sink.ledger.to_string(), "in 1 = out 1");
    assert!(received(&journald).unwrap().contains("x [cut]\nPRIORITY=4\n"));
}

#[test]
fn the_thread_ends_with_its_channel_and_returns_its_ledger() {
    let page = Page::default();
    let (events, received) = mpsc::channel(4);
    let thread =
        spawn(Output::Json(Box::new(page.clone())), None, received, || (), Activity::default())
            .unwrap();
    (0..100).for_each(|_| events.blocking_send(event()).unwrap());
    drop(events);
    assert_eq!(thread.join().unwrap().to_string(), "in 100 = out 100");
    assert_eq!(page.text().lines().count(), 100);
}
