//! How a link is reached and what it is spared.

use super::refused::on_a_line;
use super::{accepted, assert_refused, with_device};

#[test]
fn framing_is_chosen_for_tcp_alone() {
    let tcp = |framing: &str| {
        let endpoint = format!("tcp = \"192.0.2.10:4001\"\nframing = \"{framing}\"");
        with_device("tags = []\n").replace("tcp = \"192.0.2.10\"", &endpoint)
    };
    let link = accepted(&tcp("rtu")).links.into_values().next().unwrap();
    assert_eq!(link.endpoint.to_string(), "rtu+tcp://192.0.2.10:4001");
    assert_refused(
        &tcp("ascii"),
        &["4:11: `framing`: \"ascii\" is not known here (expected one of `tcp`, `rtu`)"],
    );
    assert_refused(
        &on_a_line("device = \"/d\" }\nframing = \"rtu\"\n#{", "1"),
        &["4:11: `framing`: a serial line always carries RTU frames \
           (remove it: it belongs to `tcp`)"],
    );
}
