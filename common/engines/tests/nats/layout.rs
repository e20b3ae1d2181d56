//! A server, a stream or a consumer that is not as it must be is refused by name, and left as it is.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::Duration;

use fleet_core::seams::QueueError;
use fleet_engines::nats::{NatsQueue, NatsSettings};
use fleet_servers::{JetStream, NatsOptions, NatsServer};

use crate::world::{Raw, STREAM, SUBJECTS, settings};

async fn refusal(settings: NatsSettings) -> String {
    match NatsQueue::connect(settings).await {
        Err(QueueError::Refused(why)) => why,
        Err(error) => panic!("not refused: {error}"),
        Ok(_) => panic!("not refused"),
    }
}

#[tokio::test]
async fn a_foreign_stream_of_the_same_name_is_refused_and_left_alone() {
    let server = NatsServer::start();
    let mut raw = Raw::connect(&server);
    let config = format!(r#"{{"name":"{STREAM}","subjects":["{SUBJECTS}.*.*"],"num_replicas":1}}"#);
    let made = raw.api(&format!("STREAM.CREATE.{STREAM}"), &config);
    let why = refusal(settings(&server.url())).await;
    for words in ["stream WORK-", "retention is Limits, not WorkQueue", "max_messages_per_subject is -1, not 1"] {
        assert!(why.contains(words), "{why}");
    }
    let now = raw.api(&format!("STREAM.INFO.{STREAM}"), "");
    let config =
        |answer: &str| answer.split("\"config\"").nth(1).unwrap().split("\"created\"").next().unwrap().to_owned();
    assert_eq!(config(&now), config(&made));
}

#[tokio::test]
async fn a_stream_that_takes_our_subjects_is_refused() {
    let server = NatsServer::start();
    Raw::connect(&server).api("STREAM.CREATE.OTHER", r#"{"name":"OTHER","subjects":["work.>"],"num_replicas":1}"#);
    let why = refusal(settings(&server.url())).await;
    assert!(why.contains("subjects overlap"), "{why}");
}

#[tokio::test]
async fn a_consumer_with_other_settings_is_refused() {
    let server = NatsServer::start();
    drop(NatsQueue::connect(settings(&server.url())).await.unwrap());
    // The same again is welcome.
    drop(NatsQueue::connect(settings(&server.url())).await.unwrap());
    let why = refusal(NatsSettings { ack_wait: Duration::from_secs(7), ..settings(&server.url()) }).await;
    assert!(why.contains("consumer workers") && why.contains("ack_wait is 1s, not 7s"), "{why}");
}

#[tokio::test]
async fn names_that_are_no_tokens_are_refused() {
    for name in ["", "a.", "a *", ">"] {
        let stream = NatsSettings { stream: name.to_owned(), ..settings("nats://127.0.0.1:1") };
        assert!(refusal(stream).await.contains("is no name"));
        let prefix = NatsSettings { subject_prefix: name.to_owned(), ..settings("nats://127.0.0.1:1") };
        assert!(refusal(prefix).await.contains("is no name"));
    }
}

#[tokio::test]
async fn a_server_without_jetstream_is_refused() {
    let server = NatsServer::start_with(NatsOptions { jetstream: JetStream::Off, ..NatsOptions::default() });
    let why = refusal(settings(&server.url())).await;
    assert!(why.contains("JetStream is not enabled"), "{why}");
}

/// No such server is installed: one that only says so must do.
#[tokio::test]
async fn a_server_that_is_too_old_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let info = "{\"server_id\":\"x\",\"version\":\"2.8.4\",\"proto\":1,\"headers\":true,\"max_payload\":1048576}";
        stream.write_all(format!("INFO {info}\r\nPONG\r\n").as_bytes()).unwrap();
        // Until the client leaves; bounded, should it not.
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let why = refusal(settings(&format!("nats://127.0.0.1:{port}"))).await;
    assert!(why.contains("2.8.4") && why.contains("too old"), "{why}");
}
