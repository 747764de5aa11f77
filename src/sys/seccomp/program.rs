//! Tables to programs of the kernel's packet filter, which judges each call by its number and
//! arguments.

use std::collections::BTreeMap;
use std::io;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch,
};

use super::super::packet_socket::CAPTURE_FDS;
use super::{Filter, Is, Mode, Row, When};

/// Calls in the tables are made; what becomes of others, `mode` says.
pub(super) fn of(filter: &Filter, mode: Mode) -> io::Result<BpfProgram> {
    let otherwise = match mode {
        Mode::Enforce => SeccompAction::Trap,
        Mode::Audit => SeccompAction::Log,
    };
    compile(filter.rows(), otherwise, SeccompAction::Allow)
}

/// Calls in the table do not exist; all others are for the next filter to judge.
pub(super) fn absent(rows: &'static [Row]) -> io::Result<BpfProgram> {
    let no_such_call = SeccompAction::Errno(libc::ENOSYS.unsigned_abs());
    compile(rows.iter(), SeccompAction::Allow, no_such_call)
}

fn compile(
    rows: impl Iterator<Item = &'static Row>,
    otherwise: SeccompAction,
    listed: SeccompAction,
) -> io::Result<BpfProgram> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = BTreeMap::new();
    for (call, when, _) in rows {
        #[allow(clippy::useless_conversion, reason = "c_long is narrower on 32-bit processors")]
        rules.entry(i64::from(*call)).or_default().extend(when.rules()?);
    }
    let processor = Processor::this()?;
    let filter = SeccompFilter::new(rules, otherwise, listed, processor.compiled_as)
        .map_err(io::Error::other)?;
    let mut program = filter.try_into().map_err(io::Error::other)?;
    processor.patch(&mut program)?;
    Ok(program)
}

/// For which processor a program is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Processor {
    compiled_as: TargetArch,
    /// What the program compares `seccomp_data.arch` with, where the compiler does not know it.
    audit: Option<u32>,
}

/// `AUDIT_ARCH_ARM` (include/uapi/linux/audit.h): `EM_ARM`, little endian, 32 bits.
pub(super) const AUDIT_ARCH_ARM: u32 = 0x28 | 0x4000_0000;

impl Processor {
    pub(super) fn this() -> io::Result<Self> {
        Self::named(std::env::consts::ARCH)
    }

    /// seccompiler has no 32-bit ARM, but nothing in a program depends on the processor besides
    /// the one constant at its beginning: the numbers of calls come from our tables, and
    /// `struct seccomp_data`, from which arguments are read, is the same everywhere, six times 64
    /// bits with the low half first on every little-endian machine. A 32-bit kernel fills the high
    /// halves with zeroes (`syscall_get_arguments` copies unsigned words), as ours compare them.
    pub(super) fn named(name: &str) -> io::Result<Self> {
        if name == "arm" && cfg!(target_endian = "little") {
            return Ok(Self { compiled_as: TargetArch::x86_64, audit: Some(AUDIT_ARCH_ARM) });
        }
        let compiled_as = TargetArch::try_from(name)
            .map_err(|error| io::Error::new(io::ErrorKind::Unsupported, error))?;
        Ok(Self { compiled_as, audit: None })
    }

    /// The second instruction compares; the first has loaded `arch`, the third kills.
    pub(super) fn patch(self, program: &mut BpfProgram) -> io::Result<()> {
        let Some(audit) = self.audit else { return Ok(()) };
        let compare = match program.as_mut_slice() {
            [load, compare, ..] if load.k == ARCH_OFFSET && compare.k == AUDIT_ARCH_X86_64 => {
                compare
            }
            _ => return Err(io::Error::other("a filter begins otherwise than expected")),
        };
        compare.k = audit;
        Ok(())
    }
}

/// Of `arch` in `struct seccomp_data`.
const ARCH_OFFSET: u32 = 4;
pub(super) const AUDIT_ARCH_X86_64: u32 = 0x3e | 0xc000_0000;

impl When {
    /// Any of them suffices; none stands for no condition, which is how seccompiler says "always".
    fn rules(self) -> io::Result<Vec<SeccompRule>> {
        use SeccompCmpOp::{Gt, Lt};
        let Self::Only(all) = self else { return Ok(vec![]) };
        if !all.contains(&Is::OffCaptures) {
            return Ok(vec![rule(all, None)?]);
        }
        let [first, last] = [CAPTURE_FDS.start(), CAPTURE_FDS.end()].map(|fd| fd.unsigned_abs());
        let (below, above) = ((Lt, first.into()), (Gt, last.into()));
        Ok(vec![rule(all, Some(below))?, rule(all, Some(above))?])
    }
}

fn rule(all: &[Is], descriptor: Option<(SeccompCmpOp, u64)>) -> io::Result<SeccompRule> {
    use SeccompCmpArgLen::{Dword, Qword};
    use SeccompCmpOp::{Eq, MaskedEq, Ne};
    let conditions = all.iter().filter_map(|is| match *is {
        Is::Equal(at, value) => Some(SeccompCondition::new(at, Dword, Eq, value)),
        Is::Not(at, value) => Some(SeccompCondition::new(at, Dword, Ne, value)),
        Is::Masked(at, mask, value) => {
            Some(SeccompCondition::new(at, Dword, MaskedEq(mask), value))
        }
        Is::Whole(at, value) => Some(SeccompCondition::new(at, Qword, Eq, value)),
        Is::OwnProcess(at) => Some(SeccompCondition::new(at, Dword, Eq, std::process::id().into())),
        Is::OffCaptures => None,
    });
    let descriptor = descriptor.map(|(operator, fd)| SeccompCondition::new(0, Dword, operator, fd));
    let conditions = conditions.chain(descriptor).collect::<Result<_, _>>();
    SeccompRule::new(conditions.map_err(io::Error::other)?).map_err(io::Error::other)
}
