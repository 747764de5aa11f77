//! IEC 60870-5-104.

use infra_monitor::wire::iec104;

use super::*;

const CAPTURE: &str = "iti-iec104-diverse.pcap";

#[test]
fn types_of_iec104_are_counted_as_tshark_counts_them() {
    let Some(path) = captures().map(|captures| captures.join(CAPTURE)) else { return };
    let Some(ours) = codes(&path, "tcp.payload", iec104::extent, iec104::message) else { return };
    let column = |filter, field| Some(numbers(&tshark(&path, filter, field)?));
    let Some(types) = column("iec60870_asdu", "iec60870_asdu.typeid") else { return };
    let Some(formats) = column("iec60870_104", "iec60870_104.type") else { return };
    let Some(functions) = column("iec60870_104", "iec60870_104.utype") else { return };
    // Format S is 1; functions of U are told by their bits behind the format's.
    let supervisory = [(0x101, formats[&1])];
    let unnumbered = functions.into_iter().map(|(function, n)| (0x103 | function << 2, n));
    let expected = types.into_iter().chain(supervisory).chain(unnumbered).collect();
    assert_eq!(ours, expected);
}

#[test]
fn causes_of_iec104_make_the_roles_that_tshark_counts() {
    let Some(summary) = summary(CAPTURE) else { return };
    let path = captures().unwrap().join(CAPTURE);
    let Some(causes) = tshark(&path, "iec60870_asdu", "iec60870_asdu.causetx") else { return };
    let causes = numbers(&causes);
    let of = |wanted: &[u64]| wanted.iter().filter_map(|cause| causes.get(cause)).sum::<i64>();
    let ours = &summary["messages"]["iec104"];
    assert_eq!(ours["requests"], of(&[6]));
    // Acknowledgments and answered tests are no ASDUs.
    let (acknowledged, answered, tested) = (10, 2, 2);
    assert_eq!(ours["responses"], of(&[7, 10, 20]) + acknowledged + answered);
    assert_eq!(ours["reports"], of(&[1, 3]) + tested);
    assert_eq!((&ours["commands"], &ours["errors"]), (&18.into(), &0.into()));
    assert_eq!((&ours["unread"], &ours["jumps"]), (&0.into(), &0.into()));
}
