//! Who may connect, how that is encrypted, and how soon somebody who cannot connect is told, without a secret.

use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, Instant};

use fleet_core::seams::{QueueError, TaskQueue};
use fleet_engines::connect::{QueueAddress, Secret, Secrets};
use fleet_engines::nats::{NatsQueue, NatsSettings};
use fleet_engines::store_id::StoreId;
use fleet_servers::{Certificates, NatsAuth, NatsOptions, NatsServer};

const PASSWORD: &str = "pass-word, with @ and :";
/// A key pair of nobody, made for this test.
const SEED: &str = "SUAGGBS4GCIPRQVJE2WEVBSFAXNZRLZYDL45DFQCZPRISV7ATN4B75NNTA";
const PUBLIC: &str = "UCJMSYACERIU5MBBAZWVZRQ3W7HWS4TBQJVFTYHXGLTIM33USL5TAQE2";
/// What a wrong address or secret may take to be noticed, and room for a busy machine.
const SOON: Duration = Duration::from_secs(8);

fn server(auth: NatsAuth) -> NatsServer {
    NatsServer::start_with(NatsOptions { auth, ..NatsOptions::default() })
}

async fn connect(url: &str, secrets: &Secrets) -> Result<(), String> {
    let asked = Instant::now();
    let QueueAddress::Nats(address) = QueueAddress::parse(url).unwrap() else { panic!("{url} is no NATS server's") };
    let settings = match NatsSettings::new(&address, secrets, &StoreId::draw()) {
        Ok(settings) => settings,
        Err(error) => return Err(error.to_string()),
    };
    let connected = NatsQueue::connect(settings).await;
    assert!(asked.elapsed() < SOON, "{url}: it took {:?}", asked.elapsed());
    match connected {
        Ok(queue) => queue.ping().await.map_err(|error| error.to_string()),
        Err(error @ (QueueError::Refused(_) | QueueError::Unavailable(_))) => Err(error.to_string()),
    }
}

fn with_user(server: &NatsServer, user_and_password: &str) -> String {
    server.url().replace("://", &format!("://{user_and_password}@"))
}

#[tokio::test]
async fn a_user_gets_in_with_the_right_password_only() {
    let server = server(NatsAuth::User { user: "fleet".to_owned(), password: PASSWORD.to_owned() });
    let secrets = |password: &str| Secrets { nats_password: Some(Secret::new(password)), ..Secrets::default() };
    connect(&with_user(&server, "fleet:pass-word%2C%20with%20%40%20and%20%3A"), &Secrets::default()).await.unwrap();
    connect(&with_user(&server, "fleet"), &secrets(PASSWORD)).await.unwrap();
    for (url, secrets) in [
        (with_user(&server, "fleet:WRONG"), Secrets::default()),
        (with_user(&server, "fleet"), secrets("WRONG")),
        (server.url(), Secrets::default()),
    ] {
        let why = connect(&url, &secrets).await.unwrap_err();
        assert!(why.contains("does not let us in") && !why.contains("WRONG"), "{why}");
    }
}

#[tokio::test]
async fn a_token_lets_in() {
    let server = server(NatsAuth::Token("t0ken".to_owned()));
    let secrets = |token: &str| Secrets { nats_token: Some(Secret::new(token)), ..Secrets::default() };
    connect(&server.url(), &secrets("t0ken")).await.unwrap();
    let why = connect(&server.url(), &secrets("WRONG")).await.unwrap_err();
    assert!(why.contains("does not let us in") && !why.contains("WRONG"), "{why}");
}

#[tokio::test]
async fn an_nkey_lets_in() {
    let server = server(NatsAuth::Nkey(PUBLIC.to_owned()));
    let secrets = |seed: &str| Secrets { nats_nkey_seed: Some(Secret::new(seed)), ..Secrets::default() };
    connect(&server.url(), &secrets(SEED)).await.unwrap();
    // The right shape, and nobody's seed.
    let wrong = format!("SU{}", "A".repeat(56));
    let why = connect(&server.url(), &secrets(&wrong)).await.unwrap_err();
    assert!(!why.contains(&wrong), "{why}");
}

#[tokio::test]
async fn a_credentials_file_lets_in() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("fleet.creds");
    std::fs::write(&file, include_str!("operator/user.creds")).unwrap();
    let extra = include_str!("operator/server.conf").to_owned();
    let server = NatsServer::start_with(NatsOptions { extra, ..NatsOptions::default() });
    let secrets = |file: &Path| Secrets { nats_creds: Some(file.to_owned()), ..Secrets::default() };
    connect(&server.url(), &secrets(&file)).await.unwrap();
    assert!(connect(&server.url(), &Secrets::default()).await.is_err(), "nobody got in");
    let why = connect(&server.url(), &secrets(&folder.path().join("absent"))).await.unwrap_err();
    assert!(why.contains("absent"), "{why}");
    std::fs::write(&file, "SECRET, but no credentials").unwrap();
    let why = connect(&server.url(), &secrets(&file)).await.unwrap_err();
    assert!(why.contains("fleet.creds") && !why.contains("SECRET"), "{why}");
}

#[tokio::test]
async fn an_encrypted_server_is_trusted_by_its_authority_only() {
    let certificates = Certificates::make();
    let others = Certificates::make();
    let server = NatsServer::start_with(NatsOptions { tls: Some(certificates.clone()), ..NatsOptions::default() });
    let trust = |file: &Path| Secrets { ca_file: Some(file.to_owned()), ..Secrets::default() };
    connect(&server.url(), &trust(&certificates.authority())).await.unwrap();
    for secrets in [Secrets::default(), trust(&others.authority())] {
        let why = connect(&server.url(), &secrets).await.unwrap_err();
        assert!(why.contains("certificate"), "{why}");
    }
    for (file, words) in [(certificates.key(), "no certificate"), (certificates.folder().join("absent"), "absent")] {
        let why = connect(&server.url(), &trust(&file)).await.unwrap_err();
        assert!(why.contains(words), "{why}");
    }
}

#[tokio::test]
async fn a_plain_server_is_not_spoken_to_where_encryption_was_asked_for() {
    let server = NatsServer::start();
    let why = connect(&server.url().replace("nats://", "tls://"), &Secrets::default()).await.unwrap_err();
    assert!(!why.is_empty());
}

#[tokio::test]
async fn an_address_where_nobody_or_nothing_answers_says_so_soon() {
    // Nobody listens on a port that was just closed; somebody listens here and says nothing.
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    let mute = mute.local_addr().unwrap();
    for (url, words) in [
        (format!("nats://{closed}"), "cannot be reached"),
        (format!("nats://u:SECRET@{mute}"), "did not answer"),
        (format!("nats://{mute},{mute},{mute}"), "did not answer"),
        ("nats://no-such-host.invalid".to_owned(), "no-such-host.invalid"),
    ] {
        let why = connect(&url, &Secrets::default()).await.unwrap_err();
        assert!(why.contains(words) && !why.contains("SECRET"), "{url}: {why}");
    }
}

#[tokio::test]
async fn one_server_of_the_list_is_enough() {
    let server = NatsServer::start();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = server.url();
    let host = host.strip_prefix("nats://").unwrap();
    let url = format!("nats://{closed},{},{host}", mute.local_addr().unwrap());
    connect(&url, &Secrets::default()).await.unwrap();
}

#[tokio::test]
async fn a_user_without_rights_is_told_what_it_lacks() {
    let extra = "authorization { users: [ { user: u, password: p, permissions: { publish: \"nothing\" } } ] }";
    let server = NatsServer::start_with(NatsOptions { extra: extra.to_owned(), ..NatsOptions::default() });
    let why = connect(&with_user(&server, "u:p"), &Secrets::default()).await.unwrap_err();
    assert!(why.contains("rights"), "{why}");
}
