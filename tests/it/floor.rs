//! The oldest systems that the program runs on: what it asks of the C library.

use std::collections::BTreeSet;
use std::io::Read;

/// RHEL 9; Ubuntu 22.04 has 2.35, Debian 12 2.36.
const GLIBC: [u32; 2] = [2, 34];

/// Versions of glibc that stand among the names which the dynamic linker looks up.
fn versions(program: &[u8]) -> BTreeSet<[u32; 2]> {
    const PREFIX: &[u8] = b"\0GLIBC_";
    let names = program.windows(PREFIX.len()).enumerate().filter(|(_, window)| *window == PREFIX);
    let versions = names.filter_map(|(at, _)| {
        let name = program[at + PREFIX.len()..].split(|byte| *byte == 0).next()?;
        let mut parts = std::str::from_utf8(name).ok()?.split('.').map(str::parse);
        Some([parts.next()?.ok()?, parts.next()?.ok()?])
    });
    versions.collect()
}

#[test]
fn the_program_needs_no_newer_c_library_than_that_of_rhel_9() {
    let program = std::fs::File::open(env!("CARGO_BIN_EXE_infra_monitor")).unwrap();
    let mut beginning = Vec::new(); // where the linker puts what is looked up
    program.take(1 << 20).read_to_end(&mut beginning).unwrap();
    let versions = versions(&beginning);
    if versions.is_empty() && cfg!(not(target_env = "gnu")) {
        return eprintln!("skipped: this is not built for glibc");
    }
    let newest = versions.last().expect("the program names what it needs of glibc");
    println!("newest version of glibc that is needed: {newest:?}");
    assert!(*newest <= GLIBC, "{versions:?}; `objdump -T` names the symbols");
}

#[test]
fn versions_are_compared_as_numbers() {
    let found = versions(b"\0GLIBC_2.4\0memcpy\0GLIBC_2.34\0GLIBC_2.2.5\0GLIBC_PRIVATE\0");
    assert_eq!(Vec::from_iter(found), [[2, 2], [2, 4], [2, 34]]);
}
