//! Modbus transactions of a capture file, one line each, for a person or for a program.

mod fields;

use std::io;
use std::io::BufWriter;
use std::io::Stdout;
use std::io::Write;
use std::time::Duration;
use std::time::SystemTime;

use serde::Serialize;

use crate::flow::Said;
use crate::flow::Turn;
use crate::record::SourceId;

use super::args::Format;
use fields::Fields;

/// Prints what it is shown.
pub(super) struct Transactions {
    format: Format,
    out: BufWriter<Stdout>,
    n_printed: u64,
    /// The first failure; nothing is printed after it.
    failure: Option<io::Error>,
}

impl Transactions {
    pub(super) fn to_stdout(format: Format) -> Self {
        Self { format, out: BufWriter::new(io::stdout()), n_printed: 0, failure: None }
    }

    pub(super) fn print(&mut self, source: &SourceId, turn: &Turn) {
        if self.failure.is_some() {
            return;
        }
        let line = Line::of(source, turn);
        let printed = match self.format {
            Format::Json => line.print_json(&mut self.out),
            Format::Text => {
                let headed = if self.n_printed == 0 { self.print_head() } else { Ok(()) };
                headed.and_then(|()| line.print_text(&mut self.out))
            }
        };
        self.n_printed += 1;
        self.failure = printed.err();
    }

    fn print_head(&mut self) -> io::Result<()> {
        writeln!(
            self.out,
            "{:<27} {:<21} {:<21} {:>4} {:>5}  {:<35} {:>7} {:>8} {:>12}  values",
            "time", "client", "server", "unit", "id", "function", "address", "quantity", "latency"
        )
    }

    /// Tell whether everything was written.
    pub(super) fn finish(mut self) -> io::Result<()> {
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        if self.n_printed > 0 && self.format == Format::Text {
            self.out.write_all(b"\n")?;
        }
        self.out.flush()
    }
}

/// One transaction. Names are those of the daemon's events where there are such.
#[derive(Serialize)]
struct Line<'a> {
    /// Of the request, or else of the response.
    at: String,
    source: &'a str,
    /// `both`, or the one of request and response that is there.
    seen: &'static str,
    client: String,
    server: String,
    #[serde(skip_serializing_if = "is_zero")]
    vlan: u16,
    #[serde(skip_serializing_if = "is_zero")]
    vlan_inner: u16,
    unit: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction: Option<u16>,
    #[serde(flatten)]
    fields: Fields,
    #[serde(skip_serializing_if = "Option::is_none")]
    latency_ms: Option<f64>,
}

impl<'a> Line<'a> {
    fn of(source: &'a SourceId, turn: &Turn) -> Self {
        let Turn { vlan, client, server, transaction, unit, request, response } = turn;
        let seen = match (request, response) {
            (Some(_), Some(_)) => "both",
            (Some(_), None) => "request",
            (None, _) => "response",
        };
        let at = |said: &Said| SystemTime::UNIX_EPOCH + Duration::from_nanos(said.at_ns);
        let first = request.as_ref().or(response.as_ref()).map_or(SystemTime::UNIX_EPOCH, at);
        let latency = request.as_ref().zip(response.as_ref());
        let latency_ns = latency.map(|(asked, said)| said.at_ns.saturating_sub(asked.at_ns));
        Self {
            at: humantime::format_rfc3339_micros(first).to_string(),
            source: source.as_str(),
            seen,
            client: client.to_string(),
            server: server.to_string(),
            vlan: vlan.outer,
            vlan_inner: vlan.inner,
            unit: *unit,
            transaction: *transaction,
            fields: Fields::of(turn),
            latency_ms: latency_ns.map(milliseconds),
        }
    }

    fn print_json(&self, out: &mut impl Write) -> io::Result<()> {
        serde_json::to_writer(&mut *out, self)?;
        out.write_all(b"\n")
    }

    fn print_text(&self, out: &mut impl Write) -> io::Result<()> {
        let Fields { function, function_code, address, quantity, values, rest } = &self.fields;
        let Self { at, client, server, unit, transaction, .. } = self;
        let number = |number: Option<u16>| number.map_or("-".to_owned(), |n| n.to_string());
        let (address, quantity) = (number(*address), number(*quantity));
        let transaction = number(*transaction);
        let latency = self.latency_ms.map_or("-".to_owned(), |ms| format!("{ms:.3} ms"));
        write!(
            out,
            "{at} {client:<21} {server:<21} {unit:>4} {transaction:>5}  {function_code:>3} \
             {function:<31} {address:>7} {quantity:>8} {latency:>12} "
        )?;
        if let Some(values) = values {
            let values: Vec<_> = values.iter().map(u16::to_string).collect();
            write!(out, " {}", values.join(","))?;
        }
        for (name, id) in [("vlan", self.vlan), ("vlan_inner", self.vlan_inner)] {
            if id != 0 {
                write!(out, " {name}={id}")?;
            }
        }
        for (name, value) in rest {
            write!(out, " {name}={value}")?;
        }
        match self.seen {
            "request" => writeln!(out, " unanswered"),
            "response" => writeln!(out, " without its request"),
            _ => writeln!(out),
        }
    }
}

/// To the microsecond.
fn milliseconds(ns: u64) -> f64 {
    (Duration::from_nanos(ns).as_secs_f64() * 1e6).round() / 1e3
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "what serde asks for")]
fn is_zero(id: &u16) -> bool {
    *id == 0
}
