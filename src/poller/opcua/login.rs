//! Who logs in at a server: the token of a session, and why there is none.

use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::fcntl::OFlag;
use opcua::client::IdentityToken;
use opcua::types::{EndpointDescription, UserTokenType};

use crate::config::{Server, User};

use super::explain;

/// Longest content of a password file, in bytes: more is another file.
const MAX_PASSWORD: u64 = 1024;

/// The password is read anew at each login, so that a corrected file needs no restart.
pub(super) fn identity(server: &Server) -> Result<IdentityToken, String> {
    let Some(User { name, password_file }) = &server.user else {
        return Ok(IdentityToken::Anonymous);
    };
    let content =
        read(password_file).map_err(|error| explain::no_password(password_file, &error))?;
    // Editors end a file with a line break, and no password does.
    let password = content.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        return Err(format!(
            "password file {} is empty: write the password of `{name}` into it, and nothing else",
            password_file.display()
        ));
    }
    Ok(IdentityToken::UserName(name.to_string(), password.into()))
}

fn read(path: &Path) -> io::Result<String> {
    let mut content = String::new();
    // A pipe that nobody writes to would hold up all polling, and the shutdown too.
    let no_wait = OFlag::O_NONBLOCK.bits();
    let file = OpenOptions::new().read(true).custom_flags(no_wait).open(path)?;
    let n_bytes = file.take(MAX_PASSWORD + 1).read_to_string(&mut content)?;
    if n_bytes as u64 > MAX_PASSWORD {
        return Err(io::Error::new(ErrorKind::FileTooLarge, "longer than any password"));
    }
    Ok(content)
}

/// Find out that nobody can log in this way, before the library says only that it is no policy.
pub(super) fn check_offered(server: &Server, endpoint: &EndpointDescription) -> Result<(), String> {
    let offered = endpoint.user_identity_tokens.as_deref().unwrap_or_default();
    let has = |kind| offered.iter().any(|token| token.token_type == kind);
    match &server.user {
        // A server that names no way at all is one that does not ask.
        None if offered.is_empty() || has(UserTokenType::Anonymous) => Ok(()),
        Some(_) if has(UserTokenType::UserName) => Ok(()),
        None => Err(format!(
            "{} lets nobody in without a user: set `user` and `password_file`",
            server.url
        )),
        Some(User { name, .. }) => Err(format!(
            "{} takes no user names, so that `{name}` cannot log in: remove `user` and \
             `password_file`, or let the server take them",
            server.url
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use opcua::types::UserTokenPolicy;

    use super::*;

    /// A server with a user whose password file has this content.
    fn with_password(content: &[u8]) -> (Server, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let password_file = folder.path().join("password");
        fs::write(&password_file, content).unwrap();
        let user = Some(User { name: "monitor".into(), password_file });
        (Server { user, ..Server::new(([192, 0, 2, 10], 4840).into()) }, folder)
    }

    fn why_not(content: &[u8]) -> String {
        let (server, _folder) = with_password(content);
        match identity(&server) {
            Err(why) => why,
            Ok(_) => panic!("{content:02x?} passed for a password"),
        }
    }

    #[test]
    fn a_password_ends_before_its_line_break() {
        for content in ["two words", "two words\n", "two words\r\n", "two words\n\n"] {
            let (server, _folder) = with_password(content.as_bytes());
            let Ok(IdentityToken::UserName(name, password)) = identity(&server) else {
                panic!("{content:?}")
            };
            assert_eq!((name.as_str(), password.0.as_str()), ("monitor", "two words"));
        }
    }

    #[test]
    fn a_file_that_holds_no_password_is_named_with_the_next_step() {
        for (content, next) in [
            (&b"\n"[..], "is empty: write the password of `monitor` into it"),
            (&[b'x'; 1025], "longer than any password: write the password into it"),
            (b"\xff\xfe", "valid UTF-8: write the password into it, as UTF-8 and nothing else"),
        ] {
            let why = why_not(content);
            assert!(why.contains("/password") && why.contains(next), "{why}");
        }
    }

    #[test]
    fn a_pipe_that_nobody_writes_to_is_not_waited_for() {
        let (server, _folder) = with_password(b"");
        let path = &server.user.as_ref().unwrap().password_file;
        fs::remove_file(path).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
        let Err(why) = identity(&server) else { panic!("nobody wrote a password") };
        assert!(why.contains("is empty"), "{why}");
    }

    #[test]
    fn a_file_that_is_missing_is_named_with_its_key() {
        let (mut server, folder) = with_password(b"");
        let password_file = folder.path().join("absent");
        server.user = Some(User { name: "monitor".into(), password_file });
        let Err(why) = identity(&server) else { panic!("there is no such file") };
        assert!(why.contains("/absent (`password_file`): No such file"), "{why}");
        assert!(why.contains("write the password into it"), "{why}");
    }

    #[test]
    fn a_way_to_log_in_that_is_not_offered_is_said_before_it_is_tried() {
        let endpoint = |kinds: &[UserTokenType]| {
            let token = |kind: &UserTokenType| UserTokenPolicy {
                token_type: *kind,
                ..UserTokenPolicy::default()
            };
            let user_identity_tokens = Some(kinds.iter().map(token).collect());
            EndpointDescription { user_identity_tokens, ..EndpointDescription::default() }
        };
        let (named, _folder) = with_password(b"secret");
        let anonymous = Server { user: None, ..named.clone() };
        let why = |server, kinds| check_offered(server, &endpoint(kinds)).err();
        assert_eq!(why(&anonymous, &[UserTokenType::Anonymous]), None);
        assert_eq!(why(&anonymous, &[]), None);
        assert_eq!(why(&named, &[UserTokenType::Anonymous, UserTokenType::UserName]), None);
        let refused = why(&anonymous, &[UserTokenType::UserName]).unwrap();
        assert!(refused.contains("set `user` and `password_file`"), "{refused}");
        let refused = why(&named, &[UserTokenType::Anonymous]).unwrap();
        assert!(refused.contains("takes no user names"), "{refused}");
    }
}
