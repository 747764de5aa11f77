//! What a file may not say, and what it is told instead.

use super::{accepted, assert_refused, rejected, with_device};

/// A link on a serial line with these settings, with one device of this unit.
pub(super) fn on_a_line(settings: &str, unit: &str) -> String {
    with_device("tags = []\n")
        .replace("tcp = \"192.0.2.10\"", &format!("serial = {{ {settings} }}"))
        .replace("unit = 1", &format!("unit = {unit}"))
}

#[test]
fn a_value_without_its_unit_is_refused() {
    assert_refused(
        "[runtime]\nwindow = 1\nshutdown_grace = \"5\"\n",
        &[
            "2:10: `window`: 1 has no unit \
             (expected a time from 100ms to 1h, such as \"500ms\")",
            "3:18: `shutdown_grace`: \"5\" is not a time: time unit needed, for example 5sec or \
             5ms (expected a time from 100ms to 1m, such as \"500ms\")",
        ],
    );
}

#[test]
fn a_size_is_a_power_of_two_with_a_unit() {
    const EXPECTED: &str = "(expected a power of two from \"128KiB\" to \"8192KiB\")";
    for (size, message) in [
        ("1048576", "1048576 has no unit"),
        ("\"1M\"", "\"1M\" is not a size"),
        ("\"1000KiB\"", "1000KiB will not do"),
        ("\"64KiB\"", "64KiB will not do"),
        ("\"16MiB\"", "16MiB will not do"),
        ("\"99999999GiB\"", "\"99999999GiB\" is not a size"),
    ] {
        assert_refused(
            &format!("[[capture]]\ninterface = \"eth1\"\nblock_size = {size}\n"),
            &[&format!("3:14: `block_size`: {message} {EXPECTED}")],
        );
    }
}

#[test]
fn a_port_is_1_to_65535() {
    for port in ["0", "65536", "-1"] {
        assert_refused(
            &format!("[[capture]]\ninterface = \"eth1\"\nmodbus_ports = [502, {port}]\n"),
            &[&format!(
                "3:22: `modbus_ports`: {port} is out of range \
                 (expected a whole number from 1 to 65535)"
            )],
        );
    }
}

#[test]
fn a_port_speaks_one_protocol() {
    assert_refused(
        "[[capture]]\ninterface = \"eth1\"\nmodbus_ports = [502, 4840]\nopcua_ports = [4840]\n",
        &["4:15: `opcua_ports`: port 4840 stands in `modbus_ports` too \
           (a port speaks one protocol: is it opcua?)"],
    );
    // A port that is not written is not missed where another protocol has it.
    accepted("[[capture]]\ninterface = \"eth1\"\nmodbus_ports = [502, 4840]\n");
}

#[test]
fn an_interface_has_a_name_that_the_kernel_would_take() {
    const HELP: &str = "(`ip link` lists the interfaces of this machine)";
    accepted("[[capture]]\ninterface = \"enp0s31f6vlan10\"\n");
    for (name, message) in [
        ("enp0s31f6vlan100", "has 16 bytes, an interface's name has at most 15"),
        ("", "cannot be the name of an interface"),
        ("eth 1", "cannot be the name of an interface"),
        ("../x", "cannot be the name of an interface"),
    ] {
        assert_refused(
            &format!("[[capture]]\ninterface = \"{name}\"\n"),
            &[&format!("2:13: `interface`: \"{name}\" {message} {HELP}")],
        );
    }
}

#[test]
fn a_processor_is_below_1024() {
    assert_refused(
        "[runtime]\ncpus = [0, 1024]\n",
        &["2:12: `cpus`: 1024 is out of range (expected a whole number from 0 to 1023)"],
    );
}

#[test]
fn a_byte_of_another_encoding_is_shown_where_it_stands() {
    let latin1 = b"site = \"x\"\n# 20 \xb0C, gr\xfcn\n";
    let rejected = rejected(latin1);
    let [problem] = rejected.problems() else { panic!("{rejected}") };
    assert_eq!((problem.line, problem.column), (2, 6), "{rejected}");
    assert!(problem.to_string().contains("not UTF-8"), "{rejected}");
}

#[test]
fn every_wrong_value_of_an_array_is_reported() {
    const RANGE: &str = "expected a whole number from 0 to 1023";
    assert_refused(
        "[runtime]\ncpus = [0, -1, 2, \"3\"]\n",
        &[
            &format!("2:12: `cpus`: -1 is out of range ({RANGE})"),
            &format!("2:19: `cpus`: found text ({RANGE})"),
        ],
    );
}

#[test]
fn a_choice_is_one_of_its_words() {
    assert_refused(
        "[log]\nlevel = \"verbose\"\nsamples = \"change\"\n",
        &[
            "2:9: `level`: \"verbose\" is not known here \
             (expected one of `error`, `warn`, `info`, `debug`)",
            "3:11: `samples`: \"change\" is not known here (did you mean \"changes\"?)",
        ],
    );
}

#[test]
fn a_table_is_not_a_value() {
    assert_refused(
        "log = \"info\"\ncapture = \"eth1\"\n",
        &[
            "1:7: `log`: found text (expected a table, written [log])",
            "2:11: `capture`: found text (expected an array of tables, written [[capture]])",
        ],
    );
}

#[test]
fn a_name_is_short_and_printable() {
    for (name, message) in [
        ("", "is empty"),
        (" a", "begins or ends with a blank, or contains a control character"),
        ("a\\nb", "begins or ends with a blank, or contains a control character"),
        (&*"a".repeat(65), "is longer than 64 bytes"),
    ] {
        assert_refused(
            &format!("site = \"{name}\"\n"),
            &[&format!(
                "1:8: `site`: {message} \
                 (write something short such as \"pump-station-7\": it is in every log entry)"
            )],
        );
    }
}

#[test]
fn sources_and_devices_have_names_of_their_own() {
    const HELP: &str = "(give each one of its own, or merge the two)";
    let twice = with_device("tags = []\n") + &with_device("tags = []\n");
    assert_refused(
        &(twice + "[[capture]]\ninterface = \"a\"\n"),
        &[
            &format!("2:8: `name`: another source is called \"a\" {HELP}"),
            &format!("9:8: `name`: another source is called \"a\" {HELP}"),
            &format!("12:8: `name`: another device is called \"d\" {HELP}"),
        ],
    );
}

#[test]
fn both_places_of_a_name_are_shown() {
    let text = with_device("tags = []\n") + &with_device("tags = []\n").replace("\"d\"", "\"e\"");
    let shown = rejected(&text).to_string();
    for part in ["--> test.toml:9:8", "::: test.toml:2:8", "the first is here"] {
        assert!(shown.contains(part), "{shown}");
    }
}

#[test]
fn a_serial_line_has_one_master() {
    let line = |name: &str| {
        on_a_line("device = \"/dev/ttyS0\"", "1")
            .replace("\"a\"", &format!("\"{name}\""))
            .replace("\"d\"", &format!("\"{name}\""))
    };
    assert_refused(
        &(line("a") + &line("b")),
        &["10:21: `device`: another link uses \"/dev/ttyS0\" \
           (give each one of its own, or merge the two)"],
    );
}

#[test]
fn a_link_is_either_tcp_or_serial() {
    let link =
        |endpoint: &str| with_device("tags = []\n").replace("tcp = \"192.0.2.10\"", endpoint);
    assert_refused(
        &link(""),
        &["1:1: [[modbus]] has no `tcp` or `serial` (add tcp = \"192.0.2.10:502\" or \
           serial = { device = \"/dev/ttyS0\" })"],
    );
    assert_refused(
        &link("tcp = \"192.0.2.10\"\nserial = { device = \"/dev/ttyS0\" }"),
        &["4:10: `serial`: a link is either a TCP connection or a serial line \
           (remove one, or make two [[modbus]] of it)"],
    );
}

#[test]
fn a_host_name_is_refused_with_the_reason() {
    let rejected = rejected(with_device("tags = []\n").replace("192.0.2.10", "plc7.example"));
    let [problem] = rejected.problems() else { panic!("{rejected}") };
    assert_eq!((problem.line, problem.column), (3, 7));
    assert!(problem.help.contains("would stall polling"), "{problem}");
}

#[test]
fn a_serial_line_has_settings_that_exist() {
    const USUAL: &str = "(usual are 9600, 19200, 38400 and 115200)";
    for (settings, problem) in [
        (
            "baud = 9600",
            "3:10: serial = { device = \"…\" } has no `device` (add device = \"/dev/ttyS0\")",
        ),
        (
            "device = \"ttyS0\"",
            "3:21: `device`: `ttyS0` is not an absolute path such as /dev/ttyS0 \
             (`ls /dev/serial/by-id /dev/ttyS*` shows what there is)",
        ),
        ("device = \"/d\", baud = 0", &format!("3:34: `baud`: 0 is out of range {USUAL}")),
        (
            "device = \"/d\", baud = 9601",
            &format!("3:34: `baud`: 9601 bit/s is not a rate of serial lines {USUAL}"),
        ),
        (
            "device = \"/d\", stop = 3",
            "3:34: `stop`: 3 is out of range (expected a whole number from 1 to 2)",
        ),
        (
            "device = \"/d\", parity = \"mark\"",
            "3:36: `parity`: \"mark\" is not known here (expected one of `none`, `even`, `odd`)",
        ),
    ] {
        assert_refused(&on_a_line(settings, "1"), &[problem]);
    }
}

#[test]
fn a_transaction_identifier_belongs_to_tcp() {
    let line = on_a_line("device = \"/d\"", "1");
    assert_refused(
        &line.replace("[[modbus.device]]", "transaction_id = \"lenient\"\n[[modbus.device]]"),
        &["4:18: `transaction_id`: RTU frames have no transaction identifiers \
           (remove it: it belongs to Modbus/TCP)"],
    );
}

#[test]
fn a_unit_is_one_that_can_answer() {
    const TCP: &str = "(expected a unit from 0 to 247, or 255 for the device itself)";
    const SERIAL: &str = "(expected a unit from 1 to 247)";
    let tcp =
        |unit: &str| with_device("tags = []\n").replace("unit = 1", &format!("unit = {unit}"));
    let serial = |unit: &str| on_a_line("device = \"/d\"", unit);
    for unit in ["0", "1", "247", "255"] {
        accepted(&tcp(unit));
    }
    for (text, message) in [
        (tcp("248"), format!("248 is reserved {TCP}")),
        (tcp("256"), format!("256 is out of range {TCP}")),
        (tcp("-1"), format!("-1 is out of range {TCP}")),
        (serial("255"), format!("255 is reserved {SERIAL}")),
        (serial("0"), format!("0 is the broadcast address: nobody answers it {SERIAL}")),
    ] {
        assert_refused(&text, &[&format!("6:8: `unit`: {message}")]);
    }
}

#[test]
fn a_device_is_not_asked_more_often_than_every_10_ms() {
    assert_refused(
        &with_device("every = \"9ms\"\ntags = []\n"),
        &["7:9: `every`: 9ms is out of range \
           (expected a time from 10ms to 1day, such as \"500ms\")"],
    );
}

#[test]
fn a_link_has_devices_and_a_device_has_tags() {
    assert_refused(
        "[[modbus]]\nname = \"a\"\ntcp = \"192.0.2.10\"\n",
        &["1:1: [[modbus]] has no `device` (add [[modbus.device]] with a name, a unit and tags)"],
    );
    assert_refused(
        &with_device(""),
        &["4:1: [[modbus.device]] has no `template` or `tags` \
           (add a template or tags: there is nothing to poll)"],
    );
}

#[test]
fn a_template_is_one_of_the_file() {
    assert_refused(
        &with_device("template = \"acme-pmp\"\n[template.acme-pump]\ntags = []\n"),
        &["7:12: `template`: no template is called \"acme-pmp\" (did you mean \"acme-pump\"?)"],
    );
    assert_refused(
        &with_device("template = \"acme\"\n"),
        &["7:12: `template`: no template is called \"acme\" (this file has no [template.…])"],
    );
}

#[test]
fn tags_of_a_table_have_names_of_their_own() {
    let tags = "tags = [{ name = \"t\", at = \"coil:0\" }, { name = \"t\", at = \"coil:1\" }]\n";
    assert_refused(
        &with_device(tags),
        &["7:49: `name`: another tag here is called \"t\" \
           (give each one of its own, or merge the two)"],
    );
}
