//! Modbus transactions of others, as events: who changed what, and what was refused.

use std::fmt::Write as _;

use crate::record::{Doubts, Event, Kind, Path, SourceId, Transaction};
use crate::wire::packet::Vlan;

use super::words::{exception_name, function_name, latency_ms};

/// The kind of event a transaction is.
pub(super) fn kind_of(transaction: &Transaction) -> Kind {
    match transaction.exception {
        Some(_) => Kind::ModbusException,
        None => Kind::ModbusWrite,
    }
}

/// What was asked of whom, and how it was answered, with how many like it were not told since the
/// last one was. Of a write that is told for itself there is no count.
pub(super) fn seen(
    source: &SourceId,
    (transaction, doubts): (&Transaction, Doubts),
    untold: u64,
) -> Event {
    let mut text = sentence(source, transaction);
    if untold > 0 {
        let _ = write!(text, " ({untold} more since this was last told)"); // cannot fail
    }
    let event = Event::new(kind_of(transaction), transaction.at, source.clone(), text);
    let event = match transaction.path {
        Path::Network { client, server, .. } => {
            event.with("client", client.to_string()).with("server", server.to_string())
        }
        Path::Serial => event,
    };
    let event = event
        .with("unit", transaction.unit)
        .with("function", function_name(transaction.function).into_owned())
        .with("function_code", transaction.function);
    let event = with_what_there_is(event, transaction);
    let event = match transaction.path {
        Path::Network { .. } => event.with("trust", doubts.words(transaction.trust)),
        Path::Serial => event,
    };
    match (transaction.exception, untold) {
        (None, 0) => event,
        (Some(_) | None, _) => event.with("count", untold + 1),
    }
}

fn with_what_there_is(mut event: Event, transaction: &Transaction) -> Event {
    let Transaction { address, quantity, value, exception, latency, path, .. } = *transaction;
    for (name, number) in [("address", address), ("quantity", quantity), ("value", value)] {
        if let Some(number) = number {
            event = event.with(name, number);
        }
    }
    let vlan = match path {
        Path::Network { vlan, .. } => vlan,
        Path::Serial => Vlan::default(),
    };
    for (name, id) in [("vlan", vlan.outer), ("vlan_inner", vlan.inner)] {
        if id != 0 {
            event = event.with(name, id);
        }
    }
    if let Some(code) = exception {
        event =
            event.with("exception", exception_name(code).into_owned()).with("exception_code", code);
    }
    match latency {
        Some(latency) => event.with("latency_ms", latency_ms(latency)),
        None => event,
    }
}

fn sentence(source: &SourceId, transaction: &Transaction) -> String {
    let Transaction { path, unit, function, .. } = transaction;
    let function = function_name(*function);
    let what = match (transaction.address, transaction.quantity, transaction.value) {
        (Some(address), Some(quantity), _) if quantity > 1 => {
            format!("{function}, {quantity} from address {address}")
        }
        (Some(address), _, Some(value)) => format!("{function}, {value} to address {address}"),
        (Some(address), _, None) => format!("{function}, address {address}"),
        (None, _, _) => function.into_owned(),
    };
    let answer = match (transaction.exception, transaction.latency) {
        (Some(code), _) => format!("refused: {}", exception_name(code)),
        (None, Some(_)) => "done".to_owned(),
        // Told at once: the answer may lie in the next block.
        (None, None) => "no answer seen yet".to_owned(),
    };
    match path {
        Path::Network { client, server, .. } => {
            format!("{client} to {server} unit {unit}: {what}; {answer}")
        }
        Path::Serial => format!("the master on {source} to unit {unit}: {what}; {answer}"),
    }
}
