//! A device that stores what is written, in front of a capture that misses, repeats and reorders.

use proptest::prelude::*;

use super::*;

/// One frame of a connection, as it was sent.
struct Frame {
    conn: usize,
    side: usize,
    sequence: u32,
    acknowledgment: u32,
    bytes: Vec<u8>,
}

/// Clients that talk to a device which stores what is written, one request at a time each.
#[derive(Default)]
struct Plant {
    registers: [u8; 4],
    frames: Vec<Frame>,
    clients: [Talker; 3],
}

#[derive(Clone, Default)]
struct Talker {
    id: u16,
    next: [u32; 2],
    /// What was asked, and the answer if the device has dealt with it.
    open: Option<(Vec<u8>, Option<Vec<u8>>)>,
}

/// Who acts, what it asks if it waits for nothing, of which register and with which value, and
/// whether the device deals with that at once or when it answers.
type Act = (usize, u8, u8, u8, bool);

impl Plant {
    fn act(&mut self, (conn, kind, register, value, at_once): Act) {
        if let Some((asked, answer)) = self.clients[conn].open.take() {
            let answer = answer.unwrap_or_else(|| self.deal(&asked));
            self.say(conn, SERVER, &answer);
            return;
        }
        let pdu = match kind {
            0 => vec![6, 0, register, 0, value],
            1 => vec![16, 0, register, 0, 1, 2, 0, value],
            2 => vec![8, 0, 0, 0, 0],
            _ => vec![3, 0, register, 0, 1],
        };
        self.clients[conn].id += 1;
        self.say(conn, CLIENT, &pdu);
        let answer = at_once.then(|| self.deal(&pdu));
        self.clients[conn].open = Some((pdu, answer));
    }

    fn deal(&mut self, pdu: &[u8]) -> Vec<u8> {
        let register = usize::from(pdu[2]);
        match pdu[0] {
            6 | 16 => {
                self.registers[register] = *pdu.last().unwrap();
                pdu[..5].to_vec()
            }
            3 => vec![3, 2, 0, self.registers[register]],
            _ => pdu.to_vec(),
        }
    }

    fn say(&mut self, conn: usize, side: usize, pdu: &[u8]) {
        let talker = &mut self.clients[conn];
        let bytes = adu(talker.id, pdu);
        let (sequence, acknowledgment) = (talker.next[side], talker.next[1 - side]);
        talker.next[side] = sequence.wrapping_add(u32::try_from(bytes.len()).unwrap());
        self.frames.push(Frame { conn, side, sequence, acknowledgment, bytes });
    }

    /// Everybody is answered, and exchanges something twice.
    fn wind_up(&mut self) {
        for conn in 0..self.clients.len() {
            for _ in 0..4 + usize::from(self.clients[conn].open.is_some()) {
                self.act((conn, 2, 0, 0, true));
            }
        }
    }
}

/// What the capture does with a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    Seen,
    Lost,
    /// Once more, after so many others.
    Repeated(usize),
    /// Behind the next one of its connection.
    Overtaken,
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        8 => Just(Fate::Seen),
        1 => Just(Fate::Lost),
        1 => (0..6usize).prop_map(Fate::Repeated),
        1 => Just(Fate::Overtaken),
    ]
}

/// The frames in the order in which they are seen.
fn captured(frames: &[Frame], fates: &[Fate]) -> Vec<usize> {
    let mut seen: Vec<(usize, usize, usize)> = vec![];
    for (nth, frame) in frames.iter().enumerate() {
        let next = (nth + 1..frames.len()).find(|next| frames[*next].conn == frame.conn);
        match (fates.get(nth).copied().unwrap_or(Fate::Seen), next) {
            (Fate::Lost, _) => (),
            (Fate::Overtaken, Some(next)) => seen.push((next, 1, nth)),
            (Fate::Repeated(after), _) => seen.extend([(nth, 0, nth), (nth + after, 2, nth)]),
            (Fate::Seen | Fate::Overtaken, _) => seen.push((nth, 0, nth)),
        }
    }
    seen.sort_unstable();
    seen.into_iter().map(|(.., nth)| nth).collect()
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = (0..3usize, 0..6u8, 0..3u8, any::<u8>(), any::<bool>());
    prop::collection::vec(act, 0..60)
}

/// Show the frames to a table, and return what it finds.
fn findings(plant: &Plant, order: &[usize]) -> Vec<Ineffective> {
    let mut wire = Wire::new();
    for nth in order {
        let Frame { conn, side, sequence, acknowledgment, bytes } = &plant.frames[*nth];
        wire.client_port = 40_000 + u16::try_from(*conn).unwrap();
        wire.next[*side] = *sequence;
        wire.next[1 - *side] = *acknowledgment;
        wire.segment(*side, 0, Flags::ACK, bytes);
        if nth % 5 == 0 {
            wire.table.end_block(wire.now_ns, &mut wire.report);
        }
    }
    wire.ineffective()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_device_that_stores_what_is_written_is_never_said_not_to(
        acts in acts(),
        fates in prop::collection::vec(fate(), 0..80),
    ) {
        let mut plant = Plant::default();
        for act in acts {
            plant.act(act);
        }
        let n_troubled = plant.frames.len();
        plant.wind_up();
        let fates = &fates[..fates.len().min(n_troubled)];
        prop_assert_eq!(findings(&plant, &captured(&plant.frames, fates)), []);
    }

    #[test]
    fn one_that_forgets_a_write_is_found_where_nothing_is_missing(
        acts in acts(),
        register in 0..3u8,
    ) {
        let mut plant = Plant::default();
        for conn in [0, 0, 1, 1, 2, 2] {
            plant.act((conn, 2, 0, 0, true));
        }
        for act in acts {
            plant.act(act);
        }
        plant.wind_up();
        plant.act((0, 0, register, 1, true));
        plant.registers[usize::from(register)] = 2;
        for act in [(0, 2, 0, 0, true), (1, 3, register, 0, true), (1, 3, 0, 0, true)] {
            plant.act(act);
        }
        let order: Vec<_> = (0..plant.frames.len()).collect();
        let found: Vec<_> = findings(&plant, &order).iter().map(|it| (it.written, it.read)).collect();
        prop_assert_eq!(found, [(1, 2)]);
    }
}
