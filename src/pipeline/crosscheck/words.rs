//! Mismatches as events: both values, the first register that differs, what it means, what to do.

use std::fmt::Write as _;
use std::sync::Arc;

use crate::record::{Event, Exchange, Kind, Ledger, ReadAnswer};
use crate::tag::Tag;
use crate::wire::modbus::request::{ReadRequest, Span};

use super::DIFFERENT;
use super::masters::{BRACKETS, Finding};
use super::matching::{Asked, Seen};

/// How much was compared beside what differs.
pub(super) struct Coverage {
    polled: u64,
    equal: u64,
    different: u64,
    others_compared: u64,
    /// Since it was last told.
    untold: u64,
}

impl Coverage {
    pub(super) fn of(ledger: &Ledger, untold: u64) -> Self {
        let different = ledger.dropped.get(DIFFERENT).copied().unwrap_or_default();
        let others_compared = ledger.noted.get("others_compared").copied().unwrap_or_default();
        let (polled, equal) = (ledger.entered, ledger.left);
        Self { polled, equal, different, others_compared, untold }
    }

    fn compared(&self) -> u64 {
        self.equal + self.different
    }

    fn more(&self) -> String {
        match self.untold {
            0 => String::new(),
            n => format!(" ({n} more since this was last told)"),
        }
    }

    fn on(&self, event: Event) -> Event {
        event
            .with("count", self.untold + 1)
            .with("compared", self.compared())
            .with("polled", self.polled)
            .with("different", self.different)
    }
}

/// We received one thing, and the wire showed another.
pub(super) fn differs(asked: &Asked, seen: &Seen, coverage: &Coverage) -> Event {
    let (received, shown) = (&asked.exchange.answer, &seen.exchange.answer);
    let what = table_of(asked.exchange.identity.request);
    let first = first_difference(&asked.exchange, received, shown);
    let place = match first {
        Some(First { index, .. }) => format!(", first in {what} {index}{}", named(asked, index)),
        None => String::new(),
    };
    let [ours, theirs] = match &first {
        Some(First { ours, theirs, .. }) => [ours, theirs].map(Clone::clone),
        None => [received, shown].map(hex),
    };
    let text = format!(
        "{}: an answer differs from what {} showed of it{place}: received {ours}, on the wire \
         {theirs}{}; compared {} of {} polled, different {}; something between the tap and our \
         socket rewrites contents (a firewall, a proxy, this host's memory), or two devices have \
         one address: capture at both ends and compare, and look for the address twice \
         (`arping -D`)",
        subject(asked),
        seen.place.capture,
        coverage.more(),
        coverage.compared(),
        coverage.polled,
        coverage.different,
    );
    let event = about(asked, text, "wire")
        .with("received", hex(received))
        .with("on_the_wire", hex(shown))
        .with("capture", seen.place.capture.as_str())
        .with("trust", seen.doubts.words(seen.trust));
    let event = match first {
        Some(First { index, .. }) => with_register(event, asked, index),
        None => event,
    };
    coverage.on(event)
}

/// We are told one thing, and another master another.
pub(super) fn told_otherwise(asked: &Asked, finding: &Finding, coverage: &Coverage) -> Event {
    let Finding { master, register, n_registers, ours, theirs, .. } = finding;
    let what = table_of(asked.exchange.identity.request);
    let further = match n_registers {
        1 => String::new(),
        n => format!(" and {} further", n - 1),
    };
    let text = format!(
        "{}: {} is told something else of {what} {register}{}{further}: {theirs:#06x}, and we \
         {ours:#06x} both before and after, {BRACKETS} times in a row{}; reads of others compared: \
         {}; a box between that rewrites contents, a second device or a gateway's cache under this \
         address, a server that answers by client, or a register that toggles in step with both: \
         read it from both hosts at the device itself",
        subject(asked),
        master.ip(),
        named(asked, *register),
        coverage.more(),
        coverage.others_compared,
    );
    let event = about(asked, text, "other_master")
        .with("ours", format!("{ours:#06x}"))
        .with("theirs", format!("{theirs:#06x}"))
        .with("master", master.to_string())
        .with("registers", *n_registers as u64)
        .with("brackets", BRACKETS)
        .with("others_compared", coverage.others_compared)
        .with("capture", finding.capture.as_str())
        .with("trust", finding.doubts.words(finding.trust));
    coverage.on(with_register(event, asked, *register))
}

fn about(asked: &Asked, text: String, cause: &'static str) -> Event {
    let Exchange { identity, answered, .. } = &*asked.exchange;
    let event = Event::new(Kind::CrosscheckMismatch, *answered, asked.source.clone(), text)
        .with("device", asked.device.clone())
        .with("unit", identity.unit)
        .with("cause", cause)
        .with("client", identity.client.to_string())
        .with("server", identity.server.to_string())
        .with("transaction", identity.transaction)
        .with("function_code", identity.request.function());
    match identity.request.span() {
        Some(span) => event.with("address", span.first).with("quantity", span.count),
        None => event,
    }
}

fn with_register(event: Event, asked: &Asked, index: u16) -> Event {
    let event = event.with("register", index);
    match tags_at(asked, index).as_str() {
        "" => event,
        tags => event.with("tags", tags),
    }
}

fn subject(asked: &Asked) -> String {
    format!("{} (unit {})", asked.device, asked.exchange.identity.unit)
}

/// Tags in brackets, if there are any.
fn named(asked: &Asked, index: u16) -> String {
    match tags_at(asked, index).as_str() {
        "" => String::new(),
        tags => format!(" ({tags})"),
    }
}

/// Names of the tags that this register or bit is part of.
fn tags_at(asked: &Asked, index: u16) -> String {
    let is_at = |tag: &&Arc<Tag>| {
        tag.registers().is_some_and(|registers| {
            let nth = index.checked_sub(registers.address.index);
            nth.is_some_and(|nth| nth < registers.span())
        })
    };
    let names: Vec<_> = asked.tags.iter().filter(is_at).map(|tag| &*tag.name).collect();
    names.join(", ")
}

/// A register or bit, and its two values.
struct First {
    index: u16,
    ours: String,
    theirs: String,
}

/// The first that differs; `None` if one of the two answers is a refusal.
fn first_difference(exchange: &Exchange, ours: &ReadAnswer, theirs: &ReadAnswer) -> Option<First> {
    let (ReadAnswer::Values(ours), ReadAnswer::Values(theirs)) = (ours, theirs) else {
        return None;
    };
    let Span { first, .. } = exchange.identity.request.span()?;
    let (nth, ours, theirs) = match exchange.identity.request {
        ReadRequest::Coils(_) | ReadRequest::Discretes(_) => {
            let mut bytes = ours.iter().zip(theirs).enumerate();
            let (nth, (ours, theirs)) = bytes.find(|(_, (ours, theirs))| ours != theirs)?;
            let bit = (ours ^ theirs).trailing_zeros();
            let [ours, theirs] = [ours, theirs].map(|byte| (byte >> bit & 1).to_string());
            (nth * 8 + bit as usize, ours, theirs)
        }
        ReadRequest::Holding(_) | ReadRequest::Input(_) | ReadRequest::Echo { .. } => {
            let mut words = ours.as_chunks::<2>().0.iter().zip(theirs.as_chunks().0).enumerate();
            let (nth, (ours, theirs)) = words.find(|(_, (ours, theirs))| ours != theirs)?;
            let [ours, theirs] =
                [ours, theirs].map(|word| format!("{:#06x}", u16::from_be_bytes(*word)));
            (nth, ours, theirs)
        }
    };
    Some(First { index: first.checked_add(u16::try_from(nth).ok()?)?, ours, theirs })
}

fn table_of(request: ReadRequest) -> &'static str {
    match request {
        ReadRequest::Coils(_) => "coil",
        ReadRequest::Discretes(_) => "discrete input",
        ReadRequest::Holding(_) => "holding register",
        ReadRequest::Input(_) => "input register",
        ReadRequest::Echo { .. } => "echo",
    }
}

fn hex(answer: &ReadAnswer) -> String {
    match answer {
        ReadAnswer::Exception(code) => format!("exception {code}"),
        ReadAnswer::Values(bytes) => bytes.iter().fold(String::from("0x"), |mut hex, byte| {
            // Writing to a string cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        }),
    }
}
