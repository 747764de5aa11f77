//! The last words of a process that made a call outside its filter.
//!
//! The kernel refuses the call and signals the thread, wherever it is: in the middle of an
//! allocation, or with a lock held. What runs then takes neither: it writes into an array on the
//! stack, sends it once to journald and once to standard error, and ends the process.

use std::ffi::{c_int, c_uint, c_void};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::sync::OnceLock;

use nix::fcntl::{FcntlArg, fcntl};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

use super::super::packet_socket::CAPTURE_FDS;
use super::names::name;

/// What the process ends with.
pub const EXIT_CODE: u8 = 99;

/// The socket to journald has this descriptor, so that filters can allow to send there and nowhere
/// else. Below those of captures, and above what a daemon of our size opens.
pub(super) const REPORT_FD: c_int = *CAPTURE_FDS.start() - 1;

/// `SYS_SECCOMP` (include/uapi/asm-generic/siginfo.h): not a signal that somebody sent.
const SYS_SECCOMP: c_int = 1;

/// `NAME=value` lines of journald's protocol that go in front of every report.
static FIELDS: OnceLock<&'static [u8]> = OnceLock::new();

/// Where a report goes beside standard error.
#[derive(Clone, Copy, Debug)]
pub struct Journal<'a> {
    pub socket: &'a Path,
    /// Lines of the native protocol, each with its end: what kind of entry it is.
    pub fields: &'a str,
}

/// The part of `siginfo_t` that a filter fills (`sigaction(2)`, `_sigsys`); the C library has no
/// name for it. Its union begins at the alignment of a pointer, as it does here.
#[repr(C)]
struct SigSys {
    signo: c_int,
    errno: c_int,
    code: c_int,
    call_addr: *mut c_void,
    syscall: c_int,
    arch: c_uint,
}

/// From now on a violation is told and ends the process with [`EXIT_CODE`]. To be called before
/// any filter is installed. Without journald standard error has to do.
pub fn explain_violations(journal: Option<Journal<'_>>) -> io::Result<()> {
    if let Some(journal) = journal {
        FIELDS.get_or_init(|| journal.fields.as_bytes().to_vec().leak());
        if let Err(error) = connect(journal.socket) {
            tracing::debug!(%error, "journald would not hear of a violation");
        }
    }
    let handler = SigHandler::SigAction(on_violation);
    let action = SigAction::new(handler, SaFlags::SA_SIGINFO, SigSet::all());
    // SAFETY: `on_violation` makes only calls that signal-safety(7) allows: it reads a constant
    // that was set before, writes to its own stack and enters the kernel.
    unsafe { sigaction(Signal::SIGSYS, &action) }?;
    Ok(())
}

fn connect(path: &Path) -> io::Result<()> {
    let socket = UnixDatagram::unbound()?;
    socket.connect(path)?;
    let socket = OwnedFd::from(socket);
    let fd = fcntl(&socket, FcntlArg::F_DUPFD_CLOEXEC(REPORT_FD))?;
    if fd == REPORT_FD {
        return Ok(()); // for as long as the process lives
    }
    nix::unistd::close(fd)?;
    Err(io::Error::other("the descriptor for reports is in use"))
}

extern "C" fn on_violation(_: c_int, signal: *mut libc::siginfo_t, _: *mut c_void) {
    // SAFETY: with SA_SIGINFO the kernel passes the address of a `siginfo_t` that lives until we
    // return. It has 128 bytes, more than `SigSys`, and every bit pattern of those is a value.
    let signal = unsafe { signal.cast::<SigSys>().read() };
    if signal.code != SYS_SECCOMP {
        return; // sent by somebody, which means nothing
    }
    let mut thread = [0_u8; 16];
    // SAFETY: PR_GET_NAME writes at most 16 bytes, the size of `thread` (prctl(2)).
    unsafe { libc::prctl(libc::PR_GET_NAME, thread.as_mut_ptr()) };
    let mut report = Report::new();
    report.write(FIELDS.get().copied().unwrap_or_default());
    let text = report.describe(&signal, &thread);
    let told = report.told();
    // SAFETY: `told` is initialised memory of this length. Where nobody opened REPORT_FD, or
    // journald does not read, the call fails, and standard error is left.
    unsafe {
        libc::send(
            REPORT_FD,
            told.as_ptr().cast(),
            told.len(),
            libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL,
        )
    };
    let text = told.get(text..).unwrap_or_default();
    // SAFETY: `text` is initialised memory of this length.
    unsafe { libc::write(libc::STDERR_FILENO, text.as_ptr().cast(), text.len()) };
    // SAFETY: ends the process at once; nothing of it runs any more.
    unsafe { libc::_exit(EXIT_CODE.into()) }
}

/// Text of bounded length, on the stack. What does not fit is cut off.
struct Report {
    bytes: [u8; 1024],
    len: usize,
}

impl Report {
    fn new() -> Self {
        Self { bytes: [0; 1024], len: 0 }
    }

    fn told(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    fn write(&mut self, text: &[u8]) {
        for byte in text {
            if let Some(place) = self.bytes.get_mut(self.len) {
                *place = *byte;
                self.len += 1;
            }
        }
    }

    /// Digits in this base, at most 16.
    fn write_number(&mut self, number: u32, base: u32) {
        let mut divisor = 1;
        while number / divisor >= base {
            divisor *= base;
        }
        while divisor > 0 {
            let digit = number / divisor % base;
            let character = char::from_digit(digit, base).unwrap_or('?');
            self.write(&[u8::try_from(character).unwrap_or(b'?')]);
            divisor /= base;
        }
    }

    /// Up to its end in the kernel's array. A name of ours holds no control character.
    fn write_name(&mut self, thread: &[u8]) {
        for byte in thread.iter().take_while(|byte| **byte != 0) {
            self.write(&[if byte.is_ascii_control() { b'?' } else { *byte }]);
        }
    }

    fn write_call(&mut self, number: c_int) {
        match name(number.into()) {
            Some(name) => self.write(name.as_bytes()),
            None => self.write(b"a system call"),
        }
    }

    /// The fields of a violation; where its sentence begins, which is the last of them.
    fn describe(&mut self, signal: &SigSys, thread: &[u8]) -> usize {
        self.write(b"IM_THREAD=");
        self.write_name(thread);
        self.write(b"\nIM_SYSCALL=");
        self.write_call(signal.syscall);
        self.write(b"\nIM_SYSCALL_NUMBER=");
        self.write_number(signal.syscall.cast_unsigned(), 10);
        self.write(b"\nIM_ARCH=0x");
        self.write_number(signal.arch, 16);
        self.write(b"\nMESSAGE=");
        let text = self.len;
        self.write(b"thread `");
        self.write_name(thread);
        self.write(b"` called ");
        self.write_call(signal.syscall);
        self.write(b" (");
        self.write_number(signal.syscall.cast_unsigned(), 10);
        self.write(b"), which its system call filter does not allow: the process ends. This is an attack or a bug; keep what was captured, and report it. To run on meanwhile: seccomp = \"audit\" in [sandbox]\n");
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(syscall: c_long, thread: &[u8]) -> String {
        let call_addr = std::ptr::null_mut();
        let syscall = syscall.try_into().unwrap();
        let signal = SigSys { signo: 31, errno: 0, code: 1, call_addr, syscall, arch: 0xc000_003e };
        let mut report = Report::new();
        report.describe(&signal, thread);
        String::from_utf8(report.told().to_vec()).unwrap()
    }

    use std::ffi::c_long;

    #[test]
    fn a_report_names_the_call_and_the_thread() {
        let told = told(libc::SYS_ptrace, b"analysis\neth1\0\0\0");
        let number = libc::SYS_ptrace;
        let fields = format!(
            "IM_THREAD=analysis?eth1\nIM_SYSCALL=ptrace\nIM_SYSCALL_NUMBER={number}\n\
             IM_ARCH=0xc000003e\nMESSAGE=thread `analysis?eth1` called ptrace ({number}), which "
        );
        assert!(told.starts_with(&fields) && told.ends_with("[sandbox]\n"), "{told}");
    }

    #[test]
    fn a_call_without_a_name_has_its_number() {
        let told = told(4999, b"0123456789abcdef");
        assert!(told.contains("`0123456789abcdef` called a system call (4999)"), "{told}");
    }

    #[test]
    fn a_report_that_is_too_long_is_cut_off() {
        let mut report = Report::new();
        report.write(&[b'a'; 2000]);
        assert_eq!(report.told().len(), 1024);
    }
}
