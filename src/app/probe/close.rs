//! Looking closely at a unit: what it is, what it can be asked, where it has values.

use crate::poller::Heard;
use crate::poller::Values;
use crate::poller::Why;
use crate::tag::Table;
use crate::wire::modbus::identify::DeviceIdLevel;
use crate::wire::modbus::identify::IdentifyRequest;
use crate::wire::modbus::request::ReadRequest;
use crate::wire::modbus::request::Span;

use super::Decode;
use super::Gone;
use super::Probe;
use super::Progress;
use super::Stage;
use super::identity::Function;
use super::identity::MAX_PARTS;
use super::identity::Support;
use super::search;
use super::search::BUDGET;
use super::search::Refusal;
use super::search::Reply;
use super::search::Search;

const TABLES: [Table; 4] = [Table::Holding, Table::Input, Table::Coil, Table::Discrete];
/// Any will do; nobody else sends it.
const NONCE: u16 = 0xa5c3;
/// Registers of the longest number.
const MAX_NUMBER: u16 = 4;

impl<F: FnMut(Progress)> Probe<'_, F> {
    /// What the `nth` unit found says of itself.
    pub(super) async fn identify(&mut self, nth: usize, unit: u8) -> Result<(), Gone> {
        let basic = IdentifyRequest::DeviceId { level: DeviceIdLevel::Basic, object: 0 };
        for (function, first) in
            [(Function::DEVICE_ID, basic), (Function::SERVER_ID, IdentifyRequest::ServerId)]
        {
            let mut next = Some(first);
            for part in 0..MAX_PARTS {
                let Some(request) = next else { break };
                let reply = self.ask(unit, request.into()).await?.map(|heard| heard.values);
                if nth == 0 && part == 0 {
                    let support = Support::of(reply.as_ref().map_err(|why| *why));
                    self.findings.functions.push((function, support));
                }
                next = match (reply, self.findings.units.get_mut(nth)) {
                    (Ok(Values::Identity(pdu)), Some(found)) => {
                        found.identification.on_reply(request, &pdu)
                    }
                    _ => None,
                };
            }
        }
        Ok(())
    }

    pub(super) async fn look_closely(&mut self, unit: u8) -> Result<(), Gone> {
        let echo = (Function::ECHO, ReadRequest::Echo { nonce: NONCE }.into());
        let plain = Function::PLAIN.map(|(function, request)| (function, request.into()));
        for (function, question) in [echo].into_iter().chain(plain) {
            let reply = self.ask(unit, question).await?.map(|heard| heard.values);
            let support = Support::of(reply.as_ref().map_err(|why| *why));
            self.findings.functions.push((function, support));
        }
        self.decode(unit).await?;
        for table in TABLES {
            self.findings.tables.push(Search::new(table));
            self.search(unit, table).await?;
        }
        Ok(())
    }

    /// Read the registers to be decoded, fewer if the device has not as many.
    async fn decode(&mut self, unit: u8) -> Result<(), Gone> {
        let Some(at) = self.plan.at else { return Ok(()) };
        let mut registers = vec![];
        for count in [MAX_NUMBER, 2, 1] {
            if at.index.checked_add(count - 1).is_none() || !registers.is_empty() {
                continue;
            }
            let request = search::request(at.table, Span { first: at.index, count });
            if let Ok(Heard { values: Values::Registers(read), .. }) =
                self.ask(unit, request.into()).await?
            {
                registers = read;
            }
        }
        self.findings.decode = Some(Decode { at, registers });
        Ok(())
    }

    /// Search the table that was begun last.
    async fn search(&mut self, unit: u8, table: Table) -> Result<(), Gone> {
        while let Some((span, n_asked)) =
            self.findings.tables.last().and_then(|search| Some((search.next()?, search.n_asked())))
        {
            let (n_asked, budget) = (usize::try_from(n_asked), usize::try_from(BUDGET));
            self.progress(
                Stage::Table(unit, table),
                n_asked.unwrap_or_default(),
                budget.unwrap_or_default(),
            );
            let request = search::request(table, span);
            let mut reply = self.ask(unit, request.into()).await?;
            // One lost reply must not look like an edge.
            if let Err(Why::Silent | Why::Late(_) | Why::OtherUnit(_) | Why::Unproven | Why::Lost) =
                reply
            {
                reply = self.ask(unit, request.into()).await?;
            }
            if let Some(search) = self.findings.tables.last_mut() {
                search.on_reply(span, judged(reply));
            }
        }
        Ok(())
    }
}

fn judged(reply: Result<Heard, Why>) -> Reply {
    match reply.map(|heard| heard.values) {
        Ok(Values::Registers(registers)) => {
            Reply::Read { is_zero: registers.iter().all(|register| *register == 0) }
        }
        Ok(Values::Bits(bits)) => Reply::Read { is_zero: !bits.contains(&true) },
        Ok(Values::Exception(code)) => Reply::Refused(Refusal::Exception(code)),
        Ok(Values::Echo | Values::Identity(_)) | Err(_) => Reply::Refused(Refusal::Silent),
    }
}
