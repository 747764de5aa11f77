//! The identifiers of services against the table that the library has of the standard.

use infra_monitor::wire::opcua::service::Content;
use opcua::types::ObjectId;

#[test]
fn services_are_known_by_the_identifiers_of_the_standard() {
    const ENCODING: &str = "_Encoding_DefaultBinary";
    let mut n_known = 0;
    for identifier in 0..=u16::MAX {
        let [low, high] = identifier.to_le_bytes();
        let ours = match Content::parse(&[1, 0, low, high]).unwrap() {
            Content::Request(service) => format!("{service}Request{ENCODING}"),
            Content::Response(service) => format!("{service}Response{ENCODING}"),
            Content::Fault => format!("ServiceFault{ENCODING}"),
            Content::Unknown => continue,
        };
        let theirs = ObjectId::try_from(u32::from(identifier));
        assert_eq!(theirs.map(|theirs| format!("{theirs:?}")), Ok(ours), "{identifier}");
        n_known += 1;
    }
    assert_eq!(n_known, 2 * 39 + 1);
}
