//! Failures of OPC UA in an operator's words: what, where, the likely cause, the next step.

use std::io;
use std::path::Path;
use std::time::Duration;

use opcua::crypto::Thumbprint;
use opcua::types::{EndpointDescription, Error, StatusCode};

use crate::config::{Server, User};
use crate::poller::explain::{rounded, tcp_hint};
use crate::tag::Tag;

/// No TCP connection.
pub(super) fn unreachable(server: &Server, error: &io::Error) -> String {
    format!("connection to {} failed: {error}: {}", server.url, tcp_hint(error.kind()))
}

/// Connected, and no answer.
pub(super) fn silent(server: &Server) -> String {
    let Server { url, timeout, .. } = server;
    format!(
        "{url} accepts connections and does not answer within {timeout:?}: not an OPC UA server, \
         or a busy one; check the port, or raise `timeout`"
    )
}

/// The server, or the library on its behalf, says no.
pub(super) fn refused(server: &Server, what: &str, error: &Error) -> String {
    format!("{} gives no {what}: {}", server.url, with_hint(error.status()))
}

/// The session came to an end.
pub(super) fn lost(server: &Server, status: StatusCode) -> String {
    // The library does not say more of a connection that was closed.
    let status = if status.is_good() { StatusCode::BadConnectionClosed } else { status };
    if is_about_login(status) {
        return no_entry(server, status);
    }
    format!("the session with {} ended: {}", server.url, with_hint(status))
}

/// Rights of a user are never looked at outside of requests, whose failures end no session.
fn is_about_login(status: StatusCode) -> bool {
    [
        StatusCode::BadUserAccessDenied,
        StatusCode::BadIdentityTokenInvalid,
        StatusCode::BadIdentityTokenRejected,
    ]
    .contains(&StatusCode::from_category(status.sub_code()))
}

/// The server does not let us in.
fn no_entry(server: &Server, status: StatusCode) -> String {
    let url = &server.url;
    match &server.user {
        Some(User { name, password_file }) => format!(
            "{url} does not let user `{name}` in: {status}: check `user`, and the password in {} \
             (`password_file`)",
            password_file.display()
        ),
        None => {
            format!("{url} lets nobody in without a user: {status}: set `user` and `password_file`")
        }
    }
}

/// A password that cannot be had.
pub(super) fn no_password(path: &Path, error: &io::Error) -> String {
    let next = if error.kind() == io::ErrorKind::PermissionDenied {
        "let the user that the service runs as read it"
    } else {
        "write the password into it, as UTF-8 and nothing else"
    };
    format!("password file {} (`password_file`): {error}: {next}", path.display())
}

/// A certificate that nobody has put among the trusted ones; `unstored` says why it is not among
/// the rejected ones either.
pub(super) fn untrusted(
    server: &Server,
    thumbprint: &Thumbprint,
    trusted: &Path,
    rejected: &Path,
    unstored: Option<io::Error>,
) -> String {
    let (trusted, rejected) = (trusted.display(), rejected.display());
    let next = match unstored {
        None => format!("move {rejected} to {trusted}"),
        Some(error) => format!(
            "export the certificate from the server and save it, as DER, as {trusted} (it could \
             not be stored as {rejected}: {error})"
        ),
    };
    format!(
        "the certificate of {} is not trusted: compare its thumbprint {} with the server's own \
         display, then {next}",
        server.url,
        thumbprint.as_hex_string()
    )
}

pub(super) fn overrun(server: &Server) -> String {
    format!(
        "{} tells more than can be handled, or has ended the subscription: session and \
         subscription are built anew; if it repeats, raise `every`",
        server.url
    )
}

/// Reads work and notifications do not.
pub(super) fn unheard(server: &Server, quiet_for: Duration) -> String {
    format!(
        "{} answers reads and has not notified of its own clock for {}: it lost the subscription, \
         as some do over a restart; session and subscription are built anew",
        server.url,
        rounded(quiet_for)
    )
}

pub(super) fn not_offered(server: &Server, offered: &[EndpointDescription]) -> String {
    let policy = |endpoint: &EndpointDescription| {
        let uri = endpoint.security_policy_uri.as_ref();
        let name = uri.rsplit_once('#').map_or(uri, |(_, name)| name);
        format!("{name} {}", endpoint.security_mode)
    };
    let mut offers: Vec<_> = offered.iter().map(policy).collect();
    offers.sort_unstable();
    offers.dedup();
    format!(
        "{} does not offer the configured `security`; it offers: {}; change `security`, or the \
         server's settings",
        server.url,
        offers.join(", ")
    )
}

/// Why tags are not good.
pub(super) fn status<'a>(
    server: &Server,
    tags: impl ExactSizeIterator<Item = &'a Tag>,
    status: StatusCode,
) -> String {
    const SHOWN: usize = 3;
    let n_more = tags.len().saturating_sub(SHOWN);
    let names: Vec<_> = tags.take(SHOWN).map(|tag| tag.name.as_ref()).collect();
    let more = if n_more == 0 { String::new() } else { format!(" and {n_more} more") };
    format!("{}{more} at {}: {}", names.join(", "), server.url, with_hint(status))
}

fn with_hint(status: StatusCode) -> String {
    format!("{status}: {}", hint(status))
}

fn hint(status: StatusCode) -> &'static str {
    match StatusCode::from_category(status.sub_code()) {
        StatusCode::BadNodeIdUnknown | StatusCode::BadNodeIdInvalid => {
            "no such node; look it up with a browser of the server: namespace indices may move \
             when it is reconfigured"
        }
        StatusCode::BadUserAccessDenied | StatusCode::BadNotReadable => {
            "the user may not read it; check its rights at the server"
        }
        StatusCode::BadIdentityTokenRejected | StatusCode::BadIdentityTokenInvalid => {
            "user or password is not accepted; check `user` and `password_file`"
        }
        StatusCode::BadSecurityChecksFailed
        | StatusCode::BadCertificateUntrusted
        | StatusCode::BadCertificateUriInvalid => {
            "one side does not trust the other's certificate; trust ours at the server"
        }
        StatusCode::BadTimeout => "no answer in time; busy, or gone: raise `timeout` if it is busy",
        StatusCode::BadConnectionClosed | StatusCode::BadCommunicationError => {
            "the connection is gone; the server stopped, restarts, or serves too many clients"
        }
        StatusCode::BadTooManySessions | StatusCode::BadTooManySubscriptions => {
            "the server is full; end other clients, or raise its limits"
        }
        StatusCode::BadNoCommunication
        | StatusCode::BadNotConnected
        | StatusCode::BadDeviceFailure
        | StatusCode::BadSensorFailure
        | StatusCode::UncertainNoCommunicationLastUsableValue => {
            "the server does not reach the source of this value; check what is behind it"
        }
        StatusCode::BadWaitingForInitialData => "the server has no value yet",
        _ => "see the server's own diagnostics",
    }
}
