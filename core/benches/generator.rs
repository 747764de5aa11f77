//! A capture of a plant's network: clients that poll controllers over Modbus/TCP, all at once.
//!
//! Own checksums, plainly written: what is measured must not vouch for itself.

#![expect(clippy::indexing_slicing, reason = "every length here is a constant")]

/// How much is said, and between how many.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    /// Below 2^20.
    pub(super) n_connections: u64,
    /// False where the capture began later than the connections did.
    pub(super) handshakes: bool,
    /// On each connection, each of a request, a response and an acknowledgment.
    pub(super) n_rounds: u64,
}

impl Plan {
    pub(super) const fn n_transactions(self) -> u64 {
        self.n_connections * self.n_rounds
    }

    pub(super) const fn n_packets(self) -> u64 {
        let n_handshakes = if self.handshakes { self.n_connections } else { 0 };
        HANDSHAKE * n_handshakes + ROUND * self.n_transactions()
    }
}

const HANDSHAKE: u64 = 3;
const ROUND: u64 = 3;
/// One request in so many writes.
const WRITE_EVERY: u64 = 100;
const SYN: u8 = 0x02;
const PSH: u8 = 0x08;
const ACK: u8 = 0x10;

/// A connection between a client and a controller.
struct Connection {
    addresses: [[u8; 4]; 2],
    ports: [u16; 2],
    /// Next sequence number of each side.
    next: [u32; 2],
}

const CLIENT: usize = 0;
const SERVER: usize = 1;

/// Show each frame, connections taking turns.
pub(super) fn for_each_frame<E>(
    plan: Plan,
    mut show: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let mut connections: Vec<_> = (0..plan.n_connections).map(Connection::new).collect();
    if plan.handshakes {
        for connection in &mut connections {
            show(&connection.send(CLIENT, SYN, &[]))?;
            show(&connection.send(SERVER, SYN | ACK, &[]))?;
            show(&connection.send(CLIENT, ACK, &[]))?;
        }
    }
    for round in 0..plan.n_rounds {
        for connection in &mut connections {
            let (request, response) = transaction(round);
            show(&connection.send(CLIENT, PSH | ACK, &request))?;
            show(&connection.send(SERVER, PSH | ACK, &response))?;
            show(&connection.send(CLIENT, ACK, &[]))?;
        }
    }
    Ok(())
}

/// A read of 1 to 20 holding registers, or now and then a write of one.
fn transaction(round: u64) -> (Vec<u8>, Vec<u8>) {
    let [.., high, low] = round.to_be_bytes();
    if round % WRITE_EVERY == 1 {
        let pdu = [6, 0, 8, high, low];
        return (adu(round, &pdu), adu(round, &pdu));
    }
    let n_registers = low % 20 + 1;
    let values = (0..2 * n_registers).map(|n| n ^ low);
    let response: Vec<u8> = [3, 2 * n_registers].into_iter().chain(values).collect();
    (adu(round, &[3, 0, 100, 0, n_registers]), adu(round, &response))
}

fn adu(transaction: u64, pdu: &[u8]) -> Vec<u8> {
    let [.., high, low] = transaction.to_be_bytes();
    let len = u8::try_from(pdu.len() + 1).unwrap_or(u8::MAX);
    [&[high, low, 0, 0, 0, len, 1], pdu].concat()
}

impl Connection {
    fn new(number: u64) -> Self {
        let [.., upper, high, low] = number.to_be_bytes();
        let client_port = 40_000 + u16::from(low);
        Self {
            addresses: [[10, 0, upper, high.wrapping_add(1)], [10, 1 + upper, high, low]],
            ports: [client_port, 502],
            next: [1_000 * u32::from(low), 7_000_000],
        }
    }

    /// The next frame of one side, with every checksum right.
    fn send(&mut self, side: usize, flags: u8, payload: &[u8]) -> Vec<u8> {
        let order = |pair: [u16; 2]| if side == CLIENT { pair } else { [pair[1], pair[0]] };
        let [source_port, destination_port] = order(self.ports);
        let [source, destination] = match side {
            CLIENT => self.addresses,
            _ => [self.addresses[SERVER], self.addresses[CLIENT]],
        };
        let mut tcp = [source_port.to_be_bytes(), destination_port.to_be_bytes()].concat();
        tcp.extend(self.next[side].to_be_bytes());
        tcp.extend(if flags & ACK == 0 { [0; 4] } else { self.next[1 - side].to_be_bytes() });
        tcp.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
        tcp.extend(payload);
        let [high, low] = u16::try_from(tcp.len()).unwrap_or(u16::MAX).to_be_bytes();
        let pseudo = [&source[..], &destination, &[0, 6, high, low], &tcp].concat();
        tcp[16..18].copy_from_slice(&internet_checksum(&pseudo).to_be_bytes());
        let taken = u32::try_from(payload.len()).unwrap_or(u32::MAX) + u32::from(flags & SYN != 0);
        self.next[side] = self.next[side].wrapping_add(taken);

        let total = u16::try_from(20 + tcp.len()).unwrap_or(u16::MAX).to_be_bytes();
        let mut ip =
            [&[0x45, 0, total[0], total[1], 0, 1, 0x40, 0, 64, 6, 0, 0], &source[..], &destination]
                .concat();
        let checksum = internet_checksum(&ip);
        ip[10..12].copy_from_slice(&checksum.to_be_bytes());
        [&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x08, 0x00], &ip[..], &tcp].concat()
    }
}

/// RFC 1071, word by word.
fn internet_checksum(bytes: &[u8]) -> u16 {
    let word = |pair: &[u8]| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0));
    let mut sum: u32 = bytes.chunks(2).map(word).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or(u16::MAX)
}
