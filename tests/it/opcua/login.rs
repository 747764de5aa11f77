//! User name and password: let in, turned away, and not even tried.

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;
use std::sync::mpsc;
use std::thread;

use infra_monitor::config::{Server, User};

use super::server::{Peer, Running};
use super::{Client, PATIENCE, config};
use crate::program::program_as_nobody;

const NAME: &str = "monitor";
const PASSWORD: &str = "Grüße, Pumpe 7";

fn options() -> Vec<String> {
    vec![format!("user={NAME}"), format!("user={PASSWORD}")]
}

fn as_user(port: u16, name: &str, password_file: &Path) -> Server {
    let user = User { name: name.into(), password_file: password_file.into() };
    Server { user: Some(user), ..config(port) }
}

async fn outage(server: Server) -> String {
    let mut client = Client::start(server);
    let why = client.wait_for_outage().await;
    client.end().await;
    eprintln!("{why}");
    why
}

async fn only_the_right_password_is_let_in(peer: Peer) {
    let Some(server) = Running::start_with(peer, options()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let password_file = folder.path().join("plant.password");

    let why = outage(as_user(server.port, NAME, &password_file)).await;
    assert!(why.contains("plant.password (`password_file`): No such file"), "{why}");

    fs::write(&password_file, "wrong").unwrap();
    let why = outage(as_user(server.port, NAME, &password_file)).await;
    assert!(why.contains("does not let user `monitor` in: Bad"), "{why}");
    assert!(why.contains("check `user`, and the password in /"), "{why}");
    assert!(why.contains("plant.password (`password_file`)"), "{why}");
    assert!(!why.contains("wrong"), "{why}");

    let why = outage(config(server.port)).await;
    assert!(why.contains("lets nobody in without a user: set `user`"), "{why}");

    fs::write(&password_file, format!("{PASSWORD}\n")).unwrap();
    let why = outage(as_user(server.port, "somebody", &password_file)).await;
    assert!(why.contains("does not let user `somebody` in: Bad"), "{why}");

    let mut client = Client::start(as_user(server.port, NAME, &password_file));
    client.wait_for_good("pressure").await;
    client.end().await;
}

#[tokio::test]
async fn asyncua_lets_in_only_the_right_password() {
    only_the_right_password_is_let_in(Peer::Asyncua).await;
}

#[tokio::test]
async fn node_opcua_lets_in_only_the_right_password() {
    only_the_right_password_is_let_in(Peer::NodeOpcua).await;
}

#[tokio::test]
async fn a_corrected_password_file_needs_no_restart() {
    let Some(server) = Running::start_with(Peer::Asyncua, options()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let password_file = folder.path().join("plant.password");
    fs::write(&password_file, "wrong\n").unwrap();
    let mut client = Client::start(as_user(server.port, NAME, &password_file));
    client.wait_for_outage().await;
    fs::write(&password_file, PASSWORD).unwrap();
    client.wait_for_good("pressure").await;
    client.end().await;
}

#[test]
fn a_password_file_that_may_not_be_read_is_named_with_who_has_to_read_it() {
    let Some((mut program, folder)) = program_as_nobody() else { return };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let [file, password_file] = ["plant.toml", "plant.password"].map(|it| folder.path().join(it));
    fs::write(&password_file, PASSWORD).unwrap();
    fs::set_permissions(&password_file, Permissions::from_mode(0o600)).unwrap();
    let text = format!(
        "[[opcua]]\nname = \"plant\"\nendpoint = \"opc.tcp://{}\"\nuser = \"{NAME}\"\n\
         password_file = \"{}\"\ntags = [{{ name = \"t\", node = \"i=2258\" }}]\n",
        listener.local_addr().unwrap(),
        password_file.display()
    );
    fs::write(&file, text).unwrap();
    program.args(["run", "--log", "json", "--config"]).arg(&file);
    program.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut daemon = program.spawn().unwrap();
    let lines = BufReader::new(daemon.stdout.take().unwrap()).lines().map_while(Result::ok);
    let (sender, found) = mpsc::channel();
    let find = move || {
        let told = lines.into_iter().find(|line| line.contains("plant.password"));
        sender.send(told)
    };
    thread::Builder::new().spawn(find).unwrap();
    let told = found.recv_timeout(PATIENCE);
    daemon.kill().unwrap();
    daemon.wait().unwrap();
    let told = told.unwrap().unwrap();
    let expected = "(`password_file`): Permission denied (os error 13): let the user that the \
                    service runs as read it";
    assert!(told.contains(expected) && !told.contains("Pumpe"), "{told}");
}
