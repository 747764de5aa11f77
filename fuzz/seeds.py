#!/usr/bin/env python3
"""Writes the named seeds of fuzz/corpus, one for each thing a target has a branch for; f01 and on are found."""

from pathlib import Path
from struct import pack

CORPUS = Path(__file__).parent / "corpus"


def write(target, **seeds):
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    for name, seed in seeds.items():
        (folder / name).write_bytes(seed if isinstance(seed, bytes) else seed.encode())


def crc16(data):
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return pack("<H", crc)


def internet(data):
    data += b"\0" * (len(data) % 2)
    total = sum(int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return pack(">H", ~total & 0xFFFF)


def mbap(transaction, pdu):
    return pack(">HHHB", transaction, 0, len(pdu) + 1, 17) + pdu


def rtu(pdu):
    return b"\x11" + pdu + crc16(b"\x11" + pdu)


# Frames.
SOURCE, DESTINATION = bytes([192, 0, 2, 1]), bytes([192, 0, 2, 2])
SOURCE6, DESTINATION6 = b"\x20\x01\x0d\xb8" + bytes(11) + b"\1", b"\x20\x01\x0d\xb8" + bytes(11) + b"\2"
MODBUS = mbap(1, bytes([3, 0, 107, 0, 3]))


def tcp(pseudo, options=b""):
    header = pack(">HHIIBBHHH", 40000, 502, 1, 1, (5 + len(options) // 4) << 4, 0x18, 512, 0, 0)
    segment = header + options + MODBUS
    checksum = internet(pseudo + pack(">I", len(segment)) + b"\0\0\0\6" + segment)
    return segment[:16] + checksum + segment[18:]


def udp(pseudo):
    datagram = pack(">HHHH", 40000, 502, 8 + len(MODBUS), 0) + MODBUS
    checksum = internet(pseudo + pack(">I", len(datagram)) + b"\0\0\0\x11" + datagram)
    return datagram[:6] + checksum + datagram[8:]


def ipv4(protocol, payload, fragment=0x4000, options=b""):
    words = 5 + len(options) // 4
    header = pack(">BBHHHBBH", 0x40 + words, 0, words * 4 + len(payload), 1, fragment, 64, protocol, 0)
    header += SOURCE + DESTINATION + options
    return header[:10] + internet(header) + header[12:] + payload


def ipv6(protocol, payload):
    return pack(">IHBB", 6 << 28, len(payload), protocol, 64) + SOURCE6 + DESTINATION6 + payload


def ethernet(kind, payload):
    return bytes([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1]) + pack(">H", kind) + payload


V4, V6 = SOURCE + DESTINATION, SOURCE6 + DESTINATION6
TCP4 = ethernet(0x0800, ipv4(6, tcp(V4, b"\1\1\x08\x0a" + bytes(8))))
UDP6 = ethernet(0x86DD, ipv6(17, udp(V6)))
PING = b"\x08\0" + internet(b"\x08\0\0\0\0\1\0\1ping") + b"\0\1\0\1ping"
EXTENDED = ipv6(0, bytes([44, 0, 1, 4, 0, 0, 0, 0]) + bytes([6, 0, 0, 0, 0, 0, 0, 9]) + tcp(V6))
ARP = pack(">HHBBH", 1, 0x0800, 6, 4, 1) + bytes([2, 0, 0, 0, 0, 1]) + SOURCE + bytes(6) + DESTINATION
write(
    "dissect",
    tcp_over_ipv4=b"\0" + TCP4,
    udp_over_ipv6=b"\0" + UDP6,
    two_vlan_tags=b"\0" + ethernet(0x88A8, pack(">HHH", 100, 0x8100, 7) + TCP4[12:]),
    stripped_tag_and_offload=b"\x0c" + TCP4,
    cut_by_the_snapshot_length=b"\x50" + TCP4[:60],
    fragment=b"\0" + ethernet(0x0800, ipv4(17, udp(V4), 0x2000)),
    options_and_icmp=b"\0" + ethernet(0x0800, ipv4(1, PING, options=b"\x94\4\0\0")),
    arp=b"\0" + ethernet(0x0806, ARP + bytes(18)),
    padded=b"\0" + ethernet(0x0800, ipv4(6, tcp(V4))) + bytes(6),
    raw_ipv6_extensions=b"\1" + EXTENDED,
    cooked=b"\2" + pack(">HHH8sH", 0, 1, 6, bytes(8), 0x0800) + ipv4(6, tcp(V4)),
    cooked_2=b"\3" + pack(">HHIHBB8s", 0x86DD, 0, 2, 1, 0, 6, bytes(8)) + ipv6(6, tcp(V6)),
)

# Blocks of a ring.


def block(*frames, step=None, snaplen=None):
    found = pack("=IIII", 1, 0, 1, len(frames)) + pack("=I", 48) + bytes(28)
    for frame in frames:
        found += pack(
            "=IIIIIIHHIIHH8xHHIHBB8x", step or 80 + len(frame), 1_700_000_000, 5,
            snaplen or len(frame), len(frame), 0x11, 80, 80, 0, 100, 0, 0, 17, 0, 1, 1, 0, 6,
        )[:80].ljust(80, b"\0") + frame
    return found


write(
    "block_walk",
    two_frames=block(TCP4, UDP6),
    no_frames=block(),
    step_of_one=block(TCP4, UDP6, step=1),
    step_past_the_end=block(TCP4, UDP6, step=0xFFFF_FFF0),
    longer_than_the_block=block(TCP4, snaplen=0xFFFF),
)

# Capture files.


def pcap(order, magic, frames, linktype=1):
    found = pack(order + "IHHiIII", magic, 2, 4, 0, 0, 65535, linktype)
    for frame in frames:
        found += pack(order + "IIII", 1_700_000_000, 5, len(frame), len(frame)) + frame
    return found


def ng(order, *blocks):
    found = b""
    for kind, body in blocks:
        body += bytes(-len(body) % 4)
        found += pack(order + "II", kind, 12 + len(body)) + body + pack(order + "I", 12 + len(body))
    return found


def section(order):
    return 0x0A0D0D0A, pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1)


def interface(order, options=b""):
    return 1, pack(order + "HHI", 1, 0, 0) + options


def packet(order, frame):
    return 6, pack(order + "IIIII", 0, 0x0005F5E1, 7, len(frame), len(frame)) + frame


NANOSECONDS = pack("<HHB3x", 9, 1, 9) + pack("<HH", 0, 0)
write(
    "capture_file",
    pcap_microseconds=pcap("<", 0xA1B2C3D4, [TCP4, UDP6]),
    pcap_nanoseconds_swapped=pcap(">", 0xA1B23C4D, [TCP4]),
    pcap_cooked=pcap("<", 0xA1B2C3D4, [bytes(16) + ipv4(6, tcp(V4))], 113),
    pcap_length_that_is_none=pcap("<", 0xA1B2C3D4, [TCP4]) + pack("<IIII", 1, 1, 1 << 30, 1 << 30),
    pcapng=ng("<", section("<"), interface("<", NANOSECONDS), packet("<", TCP4)),
    pcapng_swapped=ng(">", section(">"), interface(">"), packet(">", UDP6)),
    pcapng_simple=ng("<", section("<"), interface("<"), (3, pack("<I", len(TCP4)) + TCP4)),
    pcapng_unknown_interface=ng("<", section("<"), packet("<", TCP4)),
    pcapng_two_sections=ng("<", section("<"), interface("<"), (5, bytes(12)))
    + ng(">", section(">"), interface(">"), packet(">", TCP4)),
    not_a_capture=b"{\"json\": true}",
)

# Replies.
ECHO = bytes([8, 0, 0, 0xA5, 0xB6])
write(
    "modbus_rtu",
    registers=bytes([3, 0, 107, 0, 2]) + rtu(bytes([3, 6, 0, 1, 0, 2, 0, 3])),
    bits=bytes([1, 0, 19, 0, 18]) + rtu(bytes([1, 3, 0xCD, 0x6B, 5])),
    refusal=bytes([4, 0, 8, 0, 0]) + rtu(bytes([0x84, 2])),
    echo=bytes([8, 0, 0]) + ECHO[3:] + rtu(ECHO),
    own_request=bytes([1, 3, 1, 0, 19]) + rtu(bytes([1, 3, 1, 0, 20])),
    bad_crc=bytes([3, 0, 107, 0, 0]) + rtu(bytes([3, 2, 0, 1]))[:-1] + b"\0",
    two_frames=bytes([3, 0, 107, 0, 0]) + rtu(bytes([3, 2, 0, 1])) * 2,
    longest=bytes([3, 0, 0, 0, 124]) + rtu(bytes([3, 250]) + bytes(250)),
)
# What is heard: time that passes in units of 10 ms, number of bytes, bytes; and so on.


def heard(*parts):
    return b"".join(bytes([after, len(part)]) + part for after, part in parts)


READ, REPLY = rtu(bytes([3, 0, 107, 0, 1])), rtu(bytes([3, 2, 0, 7]))
WRITE = rtu(bytes([6, 0, 8, 18, 52]))
ALIKE = rtu(bytes([1, 3, 0, 0, 20]))
write(
    "rtu_listen",
    exchange=heard((5, b""), (1, READ), (2, REPLY), (1, READ), (2, REPLY)),
    glued=heard((5, b""), (1, READ + REPLY + READ + REPLY)),
    joined=heard((1, REPLY[3:]), (1, READ + REPLY)),
    write_answered=heard((5, b""), (1, WRITE), (2, WRITE), (1, READ)),
    write_repeated=heard((5, b""), (1, WRITE), (60, WRITE), (60, WRITE), (60, READ)),
    damaged=heard((5, b""), (1, READ), (2, REPLY[:-1] + b"\0"), (1, READ + REPLY)),
    noise=heard((5, b""), (1, b"\0" + READ + b"\xff" + REPLY + b"\0")),
    alike=heard((5, b""), (1, ALIKE), (1, ALIKE), (1, ALIKE)),
    refused=heard((5, b""), (1, READ), (1, rtu(bytes([0x83, 2])))),
    foreign=heard((5, b""), (1, rtu(bytes([65, 1, 2]))), (1, rtu(bytes([65, 9, 9])))),
    broadcast=heard((5, b""), (1, b"\0\6\0\1\0\3" + crc16(b"\0\6\0\1\0\3")), (1, READ)),
)
ANSWER = mbap(7, bytes([3, 4, 0, 1, 0, 2]))
write(
    "modbus_tcp",
    two_answers=bytes([1, 14]) + ANSWER + ANSWER,
    refusal=bytes([1, 255]) + mbap(7, bytes([0x83, 11])),
    length_0=bytes([1, 3]) + pack(">HHHB", 7, 0, 0, 17),
    length_65535=bytes([1, 3]) + pack(">HHHB", 7, 0, 0xFFFF, 17) + bytes(40),
    other_protocol=bytes([1, 20]) + ANSWER + pack(">HHHB", 7, 1, 3, 17) + bytes(2),
    longest=bytes([124, 100]) + mbap(7, bytes([3, 250]) + bytes(250)) + ANSWER[:9],
)

# OPC UA.
POLICY = b"http://opcfoundation.org/UA/SecurityPolicy#"
LIMITS = pack("<5I", 0, 65535, 65535, 0, 0)


def text(found):
    return pack("<i", -1) if found is None else pack("<I", len(found)) + found


def chunk(letters, body):
    return letters + pack("<I", 8 + len(body)) + body


def opening(policy, certificate, thumbprint, body):
    return chunk(b"OPNF", bytes(4) + text(POLICY + policy) + text(certificate) + text(thumbprint) + body)


def service(letters, request, body):
    return chunk(letters, pack("<4I", 7, 1, 50 + request, request) + body)


def node(identifier):
    return pack("<BBH", 1, 0, identifier)


URL = text(b"opc.tcp://192.0.2.10:4840")
HELLO, ACKNOWLEDGE = chunk(b"HELF", LIMITS + URL), chunk(b"ACKF", LIMITS)
OPEN = opening(b"None", None, None, pack("<2I", 51, 1) + node(446))
READ = service(b"MSGF", 2, node(631))
write(
    "opcua",
    connection=b"\x21\0" + HELLO + ACKNOWLEDGE,
    refusal=b"\xff\xff" + chunk(b"ERRF", pack("<I", 0x807D0000) + text(b"full")),
    reverse_hello=b"\x09\0" + chunk(b"RHEF", text(b"urn:plant") + URL),
    open_channel=b"\x40\0" + OPEN + READ + service(b"CLOF", 3, node(452)),
    protected=b"\x08\0" + opening(b"Basic256Sha256", bytes(64), bytes(20), bytes(48)),
    long_answer=b"\x30\0" + service(b"MSGC", 2, node(634) + bytes(20)) + service(b"MSGF", 2, bytes(9)),
    given_up=b"\xff\xff" + service(b"MSGA", 2, pack("<I", 0x80080000) + text(None)),
    other_types=b"\x1c\0" + service(b"MSGF", 2, b"\x42\0\0\x77\2\0\0\1") + service(b"MSGF", 3, b"\0\x77"),
    size_0=b"\x08\0" + b"MSGF" + bytes(20),
    size_4_gib=b"\x08\0" + HELLO + b"MSGF\xff\xff\xff\xff" + bytes(20),
    length_below_null=b"\xff\xff" + chunk(b"HELF", LIMITS + pack("<i", -2) + bytes(4)),
)

# DNP3: where to cut, which bit to flip, and frames with their CRCs.


def dnp3_crc(block):
    crc = 0
    for byte in block:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA6BC if crc & 1 else 0)
    return pack("<H", crc ^ 0xFFFF)


def dnp3(control, destination, source, body=b""):
    frame = b"\x05\x64" + pack("<BBHH", len(body) + 5, control, destination, source)
    blocks = [body[at : at + 16] for at in range(0, len(body), 16)]
    return frame + dnp3_crc(frame) + b"".join(block + dnp3_crc(block) for block in blocks)


RELAY = bytes([12, 1, 0x17, 1, 8, 0x41, 1]) + bytes(8)
write(
    "dnp3",
    read_and_response=b"\x09\x51" + dnp3(0xC4, 5, 100, bytes([0xC0, 0xC4, 1, 60, 2, 6])) + dnp3(0x44, 100, 5, bytes([0xC0, 0xC4, 129, 2, 0])),
    operate_refused=b"\x20\0" + dnp3(0xC4, 5, 100, bytes([0xC1, 0xC5, 4]) + RELAY + b"\0") + dnp3(0x44, 100, 5, bytes([0xC1, 0xC5, 129, 0, 0]) + RELAY + b"\2"),
    object_unknown=b"\xff\x63" + dnp3(0x44, 100, 5, bytes([0xC2, 0xC6, 129, 0x80, 2])),
    unsolicited_in_two=b"\xff\x10" + dnp3(0x44, 100, 5, bytes([0x43, 0xF1, 130, 0, 0]) + bytes(245)) + dnp3(0x44, 100, 5, bytes([0x84]) + bytes(30)),
    link=b"\x0a\x08" + dnp3(0xC0, 5, 100) + dnp3(0x00, 100, 5) + dnp3(0xC9, 5, 100) + dnp3(0x0B, 100, 5),
    damaged=b"\x05\0" + dnp3(0xC4, 5, 100, bytes([0xC0, 0xC4, 1]))[:-1] + b"?",
    many_controls=b"\x05\0" + dnp3(0x44, 100, 5, bytes([0xC0, 0xC4, 129, 0, 0, 12, 1, 0x28, 0xFF, 0xFF, 1, 2]) + bytes(9)),
)

# IEC 60870-5-104: where to cut, and APDUs.


def apdu(send, receive, *asdu):
    return bytes([0x68, 4 + len(asdu)]) + pack("<HH", send << 1, receive << 1) + bytes(asdu)


def control(byte, receive=0):
    return bytes([0x68, 4]) + pack("<HH", byte, receive << 1)


COMMAND = (3, 0, 0x94, 0x11, 0, 0x81)
write(
    "iec104",
    start=b"\x02" + control(0x07) + control(0x0B) + control(0x43) + control(0x83) + control(1, 77),
    command=b"\x0b" + apdu(22, 81, 45, 1, 6, 0, *COMMAND) + apdu(81, 23, 45, 1, 7, 0, *COMMAND),
    refused=b"\x03" + apdu(0, 1, 45, 1, 0x47, 0, *COMMAND) + apdu(1, 1, 45, 1, 47, 0, *COMMAND),
    around=b"\xff" + apdu(0x7FFF, 0, 13, 1, 3, 0, 3, 0, 1, 0, 0, 0, 0, 0xF0, 0x41, 0) + apdu(0, 0, 70, 1, 4, 0, 3, 0),
    interrogation=b"\x06" + apdu(5, 6, 100, 1, 6, 0, 0xFF, 0xFF, 0, 0, 0, 20),
    longest=b"\x40" + apdu(9, 9, 1, 0xFF, 20, 0, 3, 0, *bytes(243)),
    too_short=b"\xff" + apdu(0, 0, 1, 1, 3, 0, 3),
    two_functions=b"\xff" + control(0x17),
)

# BACnet/IP: where to cut, and a datagram.


def bvlc(function, body):
    return pack(">BBH", 0x81, function, len(body) + 4) + body


NPDU, ROUTED = bytes([1, 4]), bytes([1, 0x2C, 0, 7, 1, 2, 0, 13, 1, 61, 255])
write(
    "bacnet",
    read_property=b"\x06" + bvlc(0x0A, NPDU + bytes([0, 5, 1, 12, 12, 2, 0, 0, 101, 25, 121])),
    routed_write=b"\xff" + bvlc(0x0A, ROUTED + bytes([0, 5, 1, 15])),
    answer=b"\x03" + bvlc(0x0A, bytes([1, 0, 0x30, 1, 12, 12, 2, 0, 0, 101])),
    later_segment=b"\xff" + bvlc(0x0A, NPDU + bytes([0x38, 1, 2, 4, 14])),
    error=b"\xff" + bvlc(0x0A, bytes([1, 0, 0x50, 52, 8, 0x0E, 0x91, 5, 0x92, 1, 0, 15])),
    reject=b"\xff" + bvlc(0x0A, bytes([1, 0, 0x60, 58, 9])),
    abort=b"\xff" + bvlc(0x0A, bytes([1, 0, 0x71, 1, 4])),
    who_is_forwarded=b"\x09" + bvlc(0x04, bytes([192, 0, 2, 7, 0xBA, 0xC0, 1, 0x20, 255, 255, 0, 255, 0x10, 8])),
    no_route=b"\xff" + bvlc(0x0B, bytes([1, 0x80, 3, 1, 0, 13])),
    result=b"\xff" + bvlc(0x00, bytes([0, 0x30])),
    trailing=b"\xff" + bvlc(0x02, b"") + b"?",
    too_long=b"\xff\x81\x0a\xff\xff\1\0\x10\0",
)

# Segments: flags with the side, offsets of sequence and acknowledgment, time, length, payload.
CLIENT, SERVER, FIN, SYN, ACK = 0, 0x80, 1, 2, 0x10
ASK, ANSWER = MODBUS, mbap(1, bytes([3, 6, 0, 1, 0, 2, 0, 3]))


def segment(side, payload=b"", ahead=0, acknowledged=0, after=1, flags=ACK):
    return pack(">BbbBB", side | flags, ahead, acknowledged, after, len(payload)) + payload


TRANSACTION = segment(CLIENT, ASK) + segment(SERVER, ANSWER)
write(
    "flow",
    in_order=TRANSACTION * 3,
    overtaken=TRANSACTION + segment(CLIENT, ASK[6:], 6) + segment(CLIENT, ASK[2:6], 2) + segment(CLIENT, ASK[:2]),
    lost=TRANSACTION + segment(CLIENT, ASK, 12) + segment(SERVER, ANSWER, 0, 24) + TRANSACTION,
    never_filled=TRANSACTION + segment(CLIENT, ASK, 1) + segment(SERVER, after=255) + segment(SERVER, after=99),
    acknowledged_first=TRANSACTION + segment(SERVER, acknowledged=12) + TRANSACTION,
    repeated=TRANSACTION + segment(CLIENT, ASK, -12) + segment(CLIENT, b"?", -1) + segment(SERVER, ANSWER * 2, -15),
    contradicted=TRANSACTION + segment(CLIENT, mbap(1, bytes([6, 0, 107, 0, 3])), -12) + segment(SERVER, ANSWER),
    syn_and_fin=TRANSACTION + segment(CLIENT, ahead=9, flags=SYN) + segment(CLIENT, ASK, 10) + segment(CLIENT, b"x", 22, flags=FIN | ACK),
)

# The same of frames of a line, and between ports of no service.
ASKED, SAID = rtu(bytes([3, 0, 107, 0, 1])), rtu(bytes([3, 2, 0, 7]))
TURN = segment(CLIENT, ASKED) + segment(SERVER, SAID)
write(
    "rtu_stream",
    in_order=TURN * 3,
    cut=segment(CLIENT, ASKED[:3]) + segment(CLIENT, ASKED[3:]) + segment(SERVER, SAID[:6]) + segment(SERVER, SAID[6:]),
    damaged=TURN + segment(CLIENT, ASKED) + segment(SERVER, SAID[:-1] + b"\0") + TURN,
    longer_than_it_is=TURN + segment(SERVER, SAID[:2] + b"\x20" + SAID[3:]) + TURN,
    lost=TURN + segment(CLIENT, ASKED, 8) + segment(SERVER, SAID, 0, 16) + TURN,
    glued=segment(CLIENT, ASKED * 3) + segment(SERVER, b"\0" + SAID * 3 + b"\0") + TURN,
    foreign=segment(CLIENT, flags=SYN) + segment(CLIENT, rtu(bytes([65, 1, 2])), 1) + TURN,
    broadcast=segment(CLIENT, b"\0\6\0\1\0\3" + crc16(b"\0\6\0\1\0\3")) + TURN,
)


def numbered(n):
    return mbap(n, bytes([3, 0, 107, 0, 3])), mbap(n, bytes([3, 6, 0, 1, 0, 2, 0, n]))


def turn(n):
    return segment(CLIENT, numbered(n)[0]) + segment(SERVER, numbered(n)[1])


def line(n):
    return segment(CLIENT, ASKED) + segment(SERVER, rtu(bytes([3, 2, 0, n])))


ECHO = mbap(5, bytes([6, 0, 8, 18, 52]))
write(
    "shape",
    three_pairs=turn(1) + turn(2) + turn(3) + turn(4),
    in_flight=segment(SERVER, numbered(1)[1]) + segment(CLIENT, numbered(2)[0] + numbered(3)[0]) + segment(CLIENT, numbered(4)[0]) + segment(SERVER, numbered(3)[1]) + segment(SERVER, numbered(2)[1] + numbered(4)[1]),
    never_another=turn(1) * 5,
    echoed=(segment(CLIENT, ECHO) + segment(SERVER, ECHO)) * 4,
    both_ways=turn(1) + turn(2) + turn(3) + segment(SERVER, numbered(9)[0]) + segment(CLIENT, numbered(9)[1]),
    interrupted=turn(1) + segment(CLIENT, numbered(2)[0][:7]) + segment(CLIENT, numbered(2)[0][7:]) + turn(3) + turn(4) + turn(5),
    frames=line(1) + line(2) + line(3) + line(4),
    other_protocol=segment(CLIENT, b"GET / HTTP/1.1\r\n\r\n") + segment(SERVER, b"\0\1\0\0\0\6\1\2"),
)

# Frames that are not IP: length, quarters of a second, frame.
def shown(*frames):
    return b"".join(bytes([len(frame), time]) + frame for time, frame in frames)


def field(tag, value):
    return bytes([tag, len(value)]) + value


def goose(state, sequence):
    content = field(0x80, b"IED/LLN0$GO$A") + field(0x81, b"\x07\xd0") + field(0x82, b"A")
    content += field(0x84, bytes(8)) + field(0x85, bytes([state])) + field(0x86, bytes([sequence]))
    content += field(0x87, b"\0") + field(0x88, b"\1") + field(0x89, b"\0") + field(0x8A, b"\0")
    apdu = field(0x61, content + field(0xAB, b""))
    return ethernet(0x88B8, pack(">HHHH", 0x3001, 8 + len(apdu), 0, 0) + apdu)


def arp(last):
    station = bytes([2, 0, 0, 0, 0, last])
    return ethernet(0x0806, b"\0\1\x08\0\6\4\0\2" + station + SOURCE + bytes(6) + DESTINATION)


def lldp(name, ttl):
    tlvs = b"\2\7\4\2\0\0\0\0\1\4\3\7g1\6\2\0" + bytes([ttl, 10, len(name)]) + name
    return ethernet(0x88CC, tlvs + b"\0\0")


def bpdu(bridge, root, flags):
    identity = b"\x80\1\2\0\0\0\0"
    said = bytes([0x42, 0x42, 3, 0, 0, 2, 2, flags]) + identity + bytes([root, 0, 0, 0, 4])
    said += identity + bytes([bridge, 0x80, 1, 0, 0, 20, 0, 2, 0, 15, 0, 0])
    return ethernet(len(said), said)


def dcp(kind, block):
    return ethernet(0x8892, bytes([0xFE, 0xFD, 4, kind, 0, 0, 0, 1, 0, 0, 0, len(block)]) + block)


write(
    "layer2",
    goose=shown(*((4, goose(7, n)) for n in range(4)), (5, goose(9, 2)), (41, goose(9, 3)), (5, goose(3, 9))),
    conflict=shown((5, arp(1)), (5, arp(2)), (5, arp(1)), (255, arp(3))),
    neighbour=shown((5, lldp(b"sw-1", 2)), (5, lldp(b"sw\xff2", 2)), (41, arp(1)), (5, lldp(b"", 0))),
    bridges=shown((5, bpdu(5, 5, 0)), (5, bpdu(6, 3, 1)), (5, ethernet(7, b"\x42\x42\3\0\0\0\x80"))),
    profinet=shown(
        (5, dcp(0, b"\2\2\0\7\0\1pump1\0\1\2\0\x0e\0\1" + SOURCE + bytes([255, 255, 255, 0]) + DESTINATION)),
        (5, dcp(1, b"\5\4\0\3\2\2\6\0")),
        (5, dcp(0, b"\5\6\0\4\0\0\0\2")),
    ),
    tagged=shown((5, ethernet(0x8100, b"\xe0\5\x08\6" + arp(1)[14:])), (5, ethernet(0x88A8, b"\0\7\x81\0\0\5\x88\xb8"))),
)

# Configurations. The real ones are tested elsewhere.
write(
    "config",
    everything="""site = "a"
[runtime]
cpus = [0]
shutdown_grace = "5s"
[log]
samples = "all"
level = "info"
[[capture]]
interface = "lo"
modbus_ports = [502]
block_size = "1MiB"
[template.t]
tags = [{ name = "x", at = "%MW1", type = "UINT" }]
[[modbus]]
name = "a-tcp"
tcp = "[::1]:502"
transaction_id = "lenient"
[[modbus.device]]
name = "d"
unit = 1
every = "1m 30s"
template = "t"
tags = [
  { name = "y", at = "holding:7.3", type = "BOOL" },
  { name = "z", at = "400101", type = "REAL", order = "CDAB", scale = 0.1, limits = { low = 1.5 } },
]
[[modbus]]
name = "a-line"
serial = { device = "/dev/ttyS0", baud = 9600, parity = "even", stop_bits = 1 }
[[modbus.device]]
name = "e"
unit = 247
tags = [{ name = "s", at = "input:3", type = "STRING[20]" }]
""",
    mistakes="""sight = "é"
log = 3
[[capture]]
interface = "a name that is far too long"
interface = "lo"
[[modbus]]
tcp = "host:99999"
[[modbus.device]]
unit = 300
every = "1 fortnight"
tags = [{ name = "y", at = "%MB7", type = "RAEL", scale = nan }, 5]
""",
    unfinished="site = \"\"\"\n[[modbus\n\t\r\n= {",
    unicode="# \u00e9\u4e2d\U0001f600\n\"\u00e9\" = '\u202e'\nsite = \"\\u00e9\\n\"\n",
)

# S7comm.


def tpkt(tpdu):
    return pack(">BBH", 3, 0, 4 + len(tpdu)) + tpdu


def s7(rosctr, parameters, body=b"", refusal=b"", last=0x80):
    header = pack(">BBHHHH", 0x32, rosctr, 0, 0x1234, len(parameters), len(body))
    return tpkt(bytes([2, 0xF0, last]) + header + refusal + parameters + body)


OPERAND = bytes([0x12, 10, 0x10, 2, 0, 10, 0, 1, 0x84, 0, 0, 0])
CONNECT = bytes([17, 0xE0, 0, 0, 0, 1, 0, 0xC0, 1, 10, 0xC1, 2, 1, 0, 0xC2, 2, 1, 2])
write(
    "s7comm",
    connect=tpkt(CONNECT) + tpkt(CONNECT[:1] + b"\xd0" + CONNECT[2:]),
    refused=tpkt(bytes([6, 0x80, 0, 1, 0, 0, 3])) + tpkt(bytes([4, 0x70, 0, 1, 2])),
    disconnected=tpkt(bytes([5, 0xC0, 0, 1, 0, 1])) + tpkt(bytes([2, 0xF0, 0])),
    setup=s7(1, bytes([0xF0, 0, 0, 1, 0, 1, 1, 0xE0])),
    read=s7(1, b"\4\1" + OPERAND) + s7(3, b"\4\2", b"\xff\4\0\x10\xde\xad\x0a\0\0\0", b"\0\0"),
    write=s7(1, b"\5\1" + OPERAND, b"\0\4\0\x08\7") + s7(3, b"\5\2", b"\xff\3", b"\0\0"),
    bare_refusal=s7(2, b"", b"", b"\xd2\x0c"),
    stop=s7(1, b"\x29\0\0\0\0\0\x09P_PROGRAM"),
    status_list=s7(7, bytes([0, 1, 0x12, 4, 0x11, 0x44, 1, 0]), b"\xff\x09\0\4\0\x11\0\0"),
    no_block=s7(7, bytes([0, 1, 0x12, 8, 0x12, 0x83, 3, 0, 0, 0, 0xD2, 9]), b"\x0a\0\0\0"),
    parts=s7(1, b"\5\1" + OPERAND, b"\0\4\0\x20", last=0) + tpkt(bytes([2, 0xF0, 0x80, 1, 2])),
    plus=tpkt(bytes([2, 0xF0, 0x80, 0x72, 1, 0, 4, 0x31, 0, 0, 4])),
    plus_signed=tpkt(bytes([2, 0xF0, 0x80, 0x72, 3, 0, 36, 32]) + bytes(32) + b"\x32"),
    mms=tpkt(bytes([2, 0xF0, 0x80, 0x0D, 1])),
)


# EtherNet/IP.
def enip(command, body=b"", session=1, status=0):
    return pack("<HHII8sI", command, len(body), session, status, b"context!", 0) + body


def unconnected(cip):
    return enip(0x6F, pack("<IHHHHHH", 0, 0, 2, 0, 0, 0xB2, len(cip)) + cip)


def connected(cip):
    return enip(0x70, pack("<IHHHHIHHH", 0, 0, 2, 0xA1, 4, 5, 0xB1, 2 + len(cip), 7) + cip)


def asked(service, path, body=b""):
    return bytes([service, len(path) // 2]) + path + body


def several(*services):
    at = [2 + 2 * len(services) + sum(map(len, services[:n])) for n in range(len(services))]
    return pack(f"<{1 + len(services)}H", len(services), *at) + b"".join(services)


IDENTITY, MANAGER, ROUTER, PUMP = b" \1$\1", b" \6$\1", b" \2$\1", b"\x91\4pump"
READ_TAG, WRITE_TAG = asked(0x4C, PUMP, b"\1\0"), asked(0x4D, PUMP, b"\xc4\0\1\0\7\0\0\0")
write(
    "enip",
    session=enip(0x65, b"\1\0\0\0", 0) + enip(0x65, b"\1\0\0\0") + enip(0x66),
    identity=enip(0x63, session=0) + enip(0x63, pack("<HHH", 1, 12, 2) + b"\1\0", 0),
    attribute=unconnected(asked(0x0E, IDENTITY + b"0\7")) + unconnected(b"\x8e\0\0\0\4pump"),
    refused=connected(b"\x8e\0\x08\0") + enip(0x6F, status=0x64),
    forward_open=unconnected(asked(0x54, MANAGER, bytes(8))) + unconnected(b"\xd4\0\1\1\0\1"),
    routed=unconnected(asked(0x52, MANAGER, b"\x0a\x0e" + pack("<H", len(WRITE_TAG)) + WRITE_TAG + b"\1\0\1\3")),
    several=connected(asked(0x0A, ROUTER, several(READ_TAG, WRITE_TAG))),
    several_answered=connected(b"\x8a\0\x1e\0" + several(b"\xcc\0\0\0\xc4\0", b"\xcd\0\5\0")),
    several_raw=several(READ_TAG, WRITE_TAG),
    pccc=connected(asked(0x4B, b" \x67$\1", b"\7\x4d\0\1\2\3\4\x0f\0\1\0\xaa")),
    tag_raw=WRITE_TAG,
    wide_path=asked(0x10, b"\x21\0\x2c\1\x26\0\1\0\1\0\x30\7", b"\1"),
    io=pack("<HHHIIHHH", 2, 0x8002, 8, 5, 9, 0xB1, 4, 1) + b"\1\2",
)
