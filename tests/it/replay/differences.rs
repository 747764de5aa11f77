//! Where we count differently from the table, and why we do.

/// One count of one file.
pub(super) struct Difference {
    pub(super) file: &'static str,
    pub(super) column: &'static str,
    pub(super) theirs: &'static str,
    pub(super) ours: &'static str,
    pub(super) why: &'static str,
}

const IPV6: &str = "the table counts IPv4 only; the sum over IPv6's pseudo-header is checked too";
const BIG_TCP: &str = "a total length of 0 marks BIG TCP; with the length on the wire, the stored \
    value is the un-complemented sum of the pseudo-header: the NIC was going to finish it";
const FUZZED_SEQUENCE: &str = "a fuzzer damaged sequence numbers; where tshark takes what follows \
    for retransmissions, reading resumes at the next segment that starts an ADU";

const TUNNEL: &str = "the table counts outside tunnels only; what the mirror carries, some of it in fragments, is \
    judged too, and tshark finds as many";

pub(super) const DIFFERENCES: &[Difference] = &[
    Difference {
        file: "chksums/zeek-ip6-tcp-bad-chksum.pcap",
        column: "tcp_bad",
        theirs: "0",
        ours: "1",
        why: IPV6,
    },
    Difference {
        file: "chksums/zeek-ip6-tcp-good-chksum.pcap",
        column: "tcp_ok",
        theirs: "0",
        ours: "1",
        why: IPV6,
    },
    Difference {
        file: "chksums/zeek-ip6-udp-bad-chksum.pcap",
        column: "udp_bad",
        theirs: "0",
        ours: "1",
        why: IPV6,
    },
    Difference {
        file: "chksums/zeek-ip6-udp-good-chksum.pcap",
        column: "udp_ok",
        theirs: "0",
        ours: "1",
        why: IPV6,
    },
    Difference {
        file: "tcpdump-bigtcp-ipv4.pcap",
        column: "tcp_bad",
        theirs: "1",
        ours: "0",
        why: BIG_TCP,
    },
    Difference {
        file: "tcpdump-bigtcp-ipv4.pcap",
        column: "tcp_partial(offload)",
        theirs: "0",
        ours: "1",
        why: BIG_TCP,
    },
    Difference {
        file: "quickdraw-modbus_part1.pcap",
        column: "tshark_modbus_func_code_counts",
        theirs: "1:14 3:2 5:4 6:2 8:16 17:4 42:1 43:2",
        ours: "1:14 3:2 5:4 6:2 8:16 17:4 42:2 43:2",
        why: "the device states three bytes less than it sends; tshark joins them to its next \
              response, which can be read from where its segment starts",
    },
    Difference {
        file: "zeek-erspan.pcap",
        column: "ip4_fragments(not l4 checked)",
        theirs: "55",
        ours: "0",
        why: "they are fragments of GRE, which has no transport checksum to leave unverified",
    },
    Difference {
        file: "zeek-erspan.pcap",
        column: "icmp_ok",
        theirs: "0",
        ours: "84",
        why: TUNNEL,
    },
    Difference {
        file: "zeek-erspan.pcap",
        column: "ip4_ok",
        theirs: "287",
        ours: "519",
        why: TUNNEL,
    },
    Difference {
        file: "zeek-erspan.pcap",
        column: "tcp_partial(offload)",
        theirs: "0",
        ours: "106",
        why: TUNNEL,
    },
    Difference { file: "zeek-erspan.pcap", column: "udp_ok", theirs: "0", ours: "6", why: TUNNEL },
    Difference {
        file: "zeek-erspan.pcap",
        column: "udp_partial(offload)",
        theirs: "0",
        ours: "42",
        why: TUNNEL,
    },
    Difference {
        file: "zeek-modbus-fuzz72.pcap",
        column: "tshark_modbus_func_code_counts",
        theirs: "29:1 32:1 33:1 35:1 36:1 37:1 43:1 46:1 47:1 50:1 52:1 54:1 63:1 65:1 70:1 71:2",
        ours: "28:1 29:1 32:1 33:1 34:1 35:1 36:1 37:1 43:1 46:1 47:2 50:1 51:1 52:1 54:2 58:1 \
               59:1 63:1 64:1 65:1 66:1 70:1 71:2",
        why: FUZZED_SEQUENCE,
    },
    Difference {
        file: "zeek-modbus-fuzz72.pcap",
        column: "exceptions",
        theirs: "1",
        ours: "8",
        why: FUZZED_SEQUENCE,
    },
];
