//! Failures of OPC UA in an operator's words: what, where, the likely cause, the next step.

use std::io;
use std::time::Duration;

use opcua::types::{EndpointDescription, Error, StatusCode};

use crate::config::Server;
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
    format!("the session with {} ended: {}", server.url, with_hint(status))
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
    offers.sort();
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
