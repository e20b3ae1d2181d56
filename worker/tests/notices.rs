//! The watch for notices, against a metadata service on this machine that behaves as EC2's does.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use fleet_worker::program::notices::{Notice, NoticeSettings, Notices};

const TTL: &str = "x-aws-ec2-metadata-token-ttl-seconds";
const TOKEN: &str = "x-aws-ec2-metadata-token";

/// What the service would say now.
#[derive(Default)]
struct Service {
    spot: Option<String>,
    lifecycle: Option<String>,
    /// Valid from now on; others are refused.
    token: u32,
    tokens_given: u32,
    /// Answered instead, whatever is asked.
    broken: Option<(u16, String)>,
}

struct World {
    service: Arc<Mutex<Service>>,
    url: String,
}

impl World {
    async fn new() -> Self {
        let service: Arc<Mutex<Service>> = Arc::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let pages = Router::new().fallback(answer).with_state(Arc::clone(&service));
        tokio::spawn(async move { axum::serve(listener, pages).await });
        Self { service, url }
    }

    fn says(&self, change: impl FnOnce(&mut Service)) {
        change(&mut self.service.lock().expect("nobody panicked"));
    }

    fn notices(&self) -> Notices {
        Notices::new(&NoticeSettings::at(&self.url).expect("a base URL").every(Duration::from_millis(10)))
    }
}

async fn answer(State(service): State<Arc<Mutex<Service>>>, method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let mut service = service.lock().expect("nobody panicked");
    if let Some((status, body)) = service.broken.clone() {
        return (StatusCode::from_u16(status).expect("a status"), body).into_response();
    }
    if (method, uri.path()) == (Method::PUT, "/latest/api/token") {
        if !headers.contains_key(TTL) {
            return StatusCode::BAD_REQUEST.into_response();
        }
        service.tokens_given += 1;
        return format!("token-{}", service.token).into_response();
    }
    let valid = format!("token-{}", service.token);
    if headers.get(TOKEN).is_none_or(|token| token.as_bytes() != valid.as_bytes()) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let known = match uri.path() {
        "/latest/meta-data/spot/instance-action" => service.spot.clone(),
        "/latest/meta-data/autoscaling/target-lifecycle-state" => service.lifecycle.clone(),
        _ => None,
    };
    known.map_or_else(|| StatusCode::NOT_FOUND.into_response(), IntoResponse::into_response)
}

#[tokio::test]
async fn an_instance_that_stays_has_no_notice_and_one_session() {
    let world = World::new().await;
    let mut notices = world.notices();
    for _ in 0..5 {
        assert_eq!(notices.ask().await.unwrap(), None);
        world.says(|service| service.lifecycle = Some("InService".to_owned()));
    }
    assert_eq!(world.service.lock().unwrap().tokens_given, 1);
}

#[tokio::test]
async fn a_session_that_ran_out_is_renewed() {
    let world = World::new().await;
    let mut notices = world.notices();
    assert_eq!(notices.ask().await.unwrap(), None);
    world.says(|service| {
        service.token += 1;
        service.spot = Some(r#"{"action":"terminate","time":"2026-11-20T15:02:00Z"}"#.to_owned());
    });
    let time = Some("2026-11-20T15:02:00Z".to_owned());
    assert_eq!(notices.ask().await.unwrap(), Some(Notice::Spot { action: "terminate".to_owned(), time }));
    assert_eq!(world.service.lock().unwrap().tokens_given, 2);
}

#[tokio::test]
async fn a_group_that_takes_the_instance_out_is_heard() {
    let world = World::new().await;
    world.says(|service| service.lifecycle = Some("Terminated".to_owned()));
    let target = "Terminated".to_owned();
    assert_eq!(world.notices().ask().await.unwrap(), Some(Notice::Lifecycle { target }));
}

#[tokio::test]
async fn a_service_that_misbehaves_is_an_error_and_no_notice() {
    let world = World::new().await;
    for (status, body) in [(500, "oops".to_owned()), (302, String::new()), (200, "x".repeat(100_000))] {
        world.says(|service| service.broken = Some((status, body)));
        assert!(world.notices().ask().await.is_err(), "{status}");
    }
    let nobody = NoticeSettings::at("http://127.0.0.1:9").expect("a base URL");
    let error = Notices::new(&nobody).ask().await.unwrap_err().to_string();
    assert!(error.starts_with("the metadata service at 127.0.0.1:9 cannot be reached"), "{error}");
}

/// A listener that takes connections and says nothing.
#[tokio::test]
async fn a_service_that_hangs_costs_two_seconds() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let began = std::time::Instant::now();
    let settings = NoticeSettings::at(&url).expect("a base URL");
    let error = Notices::new(&settings).ask().await.unwrap_err().to_string();
    assert!(error.ends_with("no answer within 2 s"), "{error}");
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
}
