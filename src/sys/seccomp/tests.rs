//! What the programs answer, asked of an interpreter of the packet filter's language: the kernel
//! asked the same question would end the test.

use std::collections::BTreeMap;

use seccompiler::sock_filter;

use super::program::{AUDIT_ARCH_ARM, AUDIT_ARCH_X86_64, Processor};
use super::*;

const ALLOW: u32 = libc::SECCOMP_RET_ALLOW;
const TRAP: u32 = libc::SECCOMP_RET_TRAP;
const LOG: u32 = libc::SECCOMP_RET_LOG;
const KILL: u32 = libc::SECCOMP_RET_KILL_PROCESS;

const FILTERS: [(&str, Filter); 5] = [
    ("process", process()),
    ("analysis", analysis()),
    ("capture", capture()),
    ("counters", counters()),
    ("sink", sink()),
];

/// Run `program` over a `struct seccomp_data` (`bpf(4)` of the classic kind; only what is used).
fn verdict(program: &[sock_filter], arch: u32, call: c_long, arguments: &[u64]) -> u32 {
    let word = |offset: u32| match offset {
        0 => u32::try_from(call).unwrap(),
        4 => arch,
        _ => {
            let at = usize::try_from((offset - 16) / 8).unwrap();
            let argument = arguments.get(at).copied().unwrap_or_default();
            u32::try_from(argument >> ((offset - 16) % 8 * 8) & 0xffff_ffff).unwrap()
        }
    };
    let (mut at, mut accumulator) = (0, 0);
    loop {
        let sock_filter { code, jt, jf, k } = program[at].clone();
        let jump = |taken: bool| usize::from(if taken { jt } else { jf });
        at += 1 + match code {
            0x20 => {
                accumulator = word(k);
                0
            }
            0x54 => {
                accumulator &= k;
                0
            }
            0x05 => usize::try_from(k).unwrap(),
            0x15 => jump(accumulator == k),
            0x25 => jump(accumulator > k),
            0x35 => jump(accumulator >= k),
            0x06 => return k,
            _ => panic!("no such instruction: {code:#x}"),
        };
    }
}

/// What `filter` makes of a call on this processor.
fn asked(filter: &Filter, call: c_long, arguments: &[u64]) -> u32 {
    let program = program::of(filter, Mode::Enforce).unwrap();
    verdict(&program, program[1].k, call, arguments)
}

#[test]
fn every_row_has_a_reason_and_a_name_and_no_call_is_both_always_and_sometimes_meant() {
    for (thread, filter) in FILTERS {
        let mut by_call: BTreeMap<c_long, Vec<When>> = BTreeMap::new();
        for (call, when, reason) in filter.rows() {
            assert!(!reason.is_empty(), "{call}");
            assert!(name(*call).is_some() || cfg!(target_arch = "arm"), "{call} has no name");
            by_call.entry(*call).or_default().push(*when);
        }
        for (call, whens) in by_call {
            assert!(whens.len() == 1 || !whens.contains(&When::Always), "{thread}: {call}");
        }
    }
}

#[test]
fn the_filters_fit_into_the_kernel() {
    for (thread, filter) in FILTERS {
        let program = program::of(&filter, Mode::Enforce).unwrap();
        assert!(program.len() < 4096, "BPF_MAXINSNS: {thread}");
    }
}

#[test]
fn no_thread_is_allowed_what_the_process_is_not() {
    for (thread, filter) in FILTERS {
        for (call, when, _) in filter.rows() {
            let covered = process().rows().any(|(known, wider, _)| {
                known == call
                    && match (wider, when) {
                        (When::Always, _) => true,
                        (When::Only(wider), When::Only(narrower)) => {
                            wider.iter().all(|is| narrower.contains(is))
                        }
                        (When::Only(_), When::Always) => false,
                    }
            });
            assert!(covered, "{thread} may call {:?}, and the process may not", name(*call));
        }
    }
}

#[test]
fn what_an_intruder_would_call_is_in_no_table() {
    let calls = [
        libc::SYS_execve,
        libc::SYS_execveat,
        libc::SYS_ptrace,
        libc::SYS_process_vm_writev,
        libc::SYS_bpf,
        libc::SYS_perf_event_open,
        libc::SYS_userfaultfd,
        libc::SYS_io_uring_setup,
        libc::SYS_init_module,
        libc::SYS_finit_module,
        libc::SYS_kexec_load,
        libc::SYS_mount,
        libc::SYS_unshare,
        libc::SYS_setns,
        libc::SYS_keyctl,
        libc::SYS_listen,
        libc::SYS_accept4,
        libc::SYS_sendmsg,
        libc::SYS_sendmmsg,
        libc::SYS_splice,
        libc::SYS_sendfile,
        libc::SYS_pwrite64,
        libc::SYS_pwritev,
        libc::SYS_dup3,
        libc::SYS_memfd_create,
        libc::SYS_kill,
        libc::SYS_capset,
        libc::SYS_open_by_handle_at,
        libc::SYS_personality,
        libc::SYS_pidfd_getfd,
    ];
    for (thread, filter) in FILTERS {
        for call in calls {
            assert_eq!(asked(&filter, call, &[]), TRAP, "{thread}: {:?}", name(call));
        }
    }
}

#[test]
fn nothing_is_sent_written_or_set_on_a_capture_socket() {
    let sending = [libc::SYS_write, libc::SYS_writev, libc::SYS_sendto, libc::SYS_ioctl];
    for (thread, filter) in FILTERS {
        for call in sending {
            for fd in [900, 931, 963] {
                let asked = asked(&filter, call, &[fd, numbers::request(libc::FIONBIO), 8]);
                assert_eq!(asked, TRAP, "{thread}: {:?} on {fd}", name(call));
            }
        }
        let duplicated = asked(&filter, numbers::SYS_FCNTL, &[900, 1030, 0]);
        assert_eq!(duplicated, TRAP, "{thread}: F_DUPFD_CLOEXEC");
    }
    for fd in [3, 898, 899, 964, 4000] {
        for call in &sending[..3] {
            assert_eq!(asked(&process(), *call, &[fd, 0, 8]), ALLOW, "{:?} on {fd}", name(*call));
        }
    }
}

#[test]
fn sockets_are_of_the_families_and_kinds_that_are_needed() {
    let [unix, inet, inet6] = [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6].map(numbers::unsigned);
    let [netlink, packet] = [libc::AF_NETLINK, libc::AF_PACKET].map(numbers::unsigned);
    let [stream, dgram, raw] =
        [libc::SOCK_STREAM, libc::SOCK_DGRAM, libc::SOCK_RAW].map(numbers::unsigned);
    let flags = numbers::unsigned(libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK);
    let socket =
        |family, kind, protocol| asked(&process(), libc::SYS_socket, &[family, kind, protocol]);
    for (family, kind) in [(unix, dgram), (inet, stream), (inet6, stream), (netlink, raw)] {
        assert_eq!(socket(family, kind | flags, 0), ALLOW, "{family} {kind}");
    }
    for (family, kind) in [(packet, raw), (inet, raw), (inet6, raw), (inet, dgram), (40, stream)] {
        assert_eq!(socket(family, kind | flags, 0), TRAP, "{family} {kind}");
    }
    assert_eq!(socket(netlink, raw, 9), TRAP, "NETLINK_AUDIT");
}

#[test]
fn what_is_cloned_is_a_thread_and_what_is_mapped_is_not_executed() {
    let thread = 0x3d_0f00; // of the C library: pthread_create(3)
    let clone = |flags| asked(&process(), libc::SYS_clone, &[flags]);
    assert_eq!(clone(thread), ALLOW);
    let [user, vfork] = [libc::CLONE_NEWUSER, libc::CLONE_VFORK].map(numbers::unsigned);
    let fork = numbers::unsigned(libc::SIGCHLD);
    for flags in [fork, thread | user, user | fork, vfork | 0x100 | fork] {
        assert_eq!(clone(flags), TRAP, "{flags:#x}");
    }
    for call in [numbers::SYS_MMAP, libc::SYS_mprotect] {
        assert_eq!(asked(&process(), call, &[0, 4096, 3]), ALLOW);
        assert_eq!(asked(&process(), call, &[0, 4096, 5]), TRAP);
    }
}

#[test]
fn a_thread_signals_only_its_own_process_and_keeps_what_tells_of_violations() {
    let own = u64::from(std::process::id());
    assert_eq!(asked(&analysis(), libc::SYS_tgkill, &[own, own, 6]), ALLOW);
    assert_eq!(asked(&analysis(), libc::SYS_tgkill, &[1, 1, 6]), TRAP);
    let [abort, violation] = [libc::SIGABRT, libc::SIGSYS].map(numbers::unsigned);
    assert_eq!(asked(&analysis(), libc::SYS_rt_sigaction, &[abort]), ALLOW);
    assert_eq!(asked(&analysis(), libc::SYS_rt_sigaction, &[violation]), TRAP);
    let report = numbers::unsigned(violation::REPORT_FD);
    assert_eq!(asked(&analysis(), libc::SYS_sendto, &[report, 1, 80, 0, 0]), ALLOW);
    assert_eq!(asked(&analysis(), libc::SYS_sendto, &[report, 1, 80, 0, 1]), TRAP, "to elsewhere");
    let limits = |limit| asked(&process(), libc::SYS_prlimit64, &[0, 3, limit]);
    assert_eq!((limits(0), limits(1)), (ALLOW, TRAP), "read, but not set");
}

#[test]
fn an_address_is_null_only_if_both_its_halves_are() {
    if cfg!(target_pointer_width = "32") {
        println!("skipped: an address has no upper half here");
        return;
    }
    let somewhere = 1 << 32; // where anybody may map memory
    let report = numbers::unsigned(violation::REPORT_FD);
    for (thread, filter) in FILTERS.into_iter().filter(|(thread, _)| *thread != "process") {
        let elsewhere = asked(&filter, libc::SYS_sendto, &[report, 1, 80, 0, somewhere]);
        let free = matches!(thread, "capture" | "counters"); // they ask netlink
        assert_eq!(elsewhere, if free { ALLOW } else { TRAP }, "{thread}: a report to elsewhere");
    }
    let limits = asked(&process(), libc::SYS_prlimit64, &[0, 3, somewhere]);
    assert_eq!(limits, TRAP, "set, not read");
}

#[test]
fn an_audit_makes_the_call_and_logs_it() {
    let program = program::of(&process(), Mode::Audit).unwrap();
    let asked = |call| verdict(&program, program[1].k, call, &[]);
    assert_eq!((asked(libc::SYS_ptrace), asked(libc::SYS_futex)), (LOG, ALLOW));
}

#[test]
fn clone3_is_answered_as_by_an_older_kernel() {
    let program = program::absent(ABSENT).unwrap();
    let asked = |call| verdict(&program, program[1].k, call, &[]);
    let no_such_call = libc::SECCOMP_RET_ERRNO | libc::ENOSYS.unsigned_abs();
    assert_eq!((asked(libc::SYS_clone3), asked(libc::SYS_futex)), (no_such_call, ALLOW));
    let by_process = self::asked(&process(), libc::SYS_clone3, &[]);
    assert_eq!(by_process, ALLOW, "the stricter answer of the two would be the other");
}

#[test]
fn calls_of_another_processor_end_the_process() {
    let program = program::of(&process(), Mode::Enforce).unwrap();
    assert_eq!(verdict(&program, 0x4000_0003, libc::SYS_futex, &[]), KILL, "32-bit x86");
}

/// The program of a processor that has a compiler, patched: only the one constant is another.
#[test]
fn a_program_for_arm_is_that_for_another_processor_but_for_its_name() {
    if cfg!(not(target_arch = "x86_64")) {
        println!("skipped: compares with the program for x86-64");
        return;
    }
    let original = program::of(&process(), Mode::Enforce).unwrap();
    let mut patched = original.clone();
    Processor::named("arm").unwrap().patch(&mut patched).unwrap();
    let differ: Vec<_> = (0..original.len()).filter(|at| original[*at] != patched[*at]).collect();
    assert_eq!(differ, [1]);
    assert_eq!(patched[1].k, 0x4000_0028, "AUDIT_ARCH_ARM");
    for (arch, expected) in [(AUDIT_ARCH_ARM, ALLOW), (AUDIT_ARCH_X86_64, KILL)] {
        assert_eq!(verdict(&patched, arch, libc::SYS_futex, &[]), expected, "{arch:#x}");
    }
    assert_eq!(verdict(&patched, AUDIT_ARCH_ARM, libc::SYS_ptrace, &[]), TRAP);
    let mut strange = original[1..].to_vec();
    Processor::named("arm").unwrap().patch(&mut strange).unwrap_err();
}
