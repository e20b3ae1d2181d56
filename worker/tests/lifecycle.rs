//! Completing a lifecycle action, against a metadata service and an Auto Scaling endpoint on this machine.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use fleet_worker::program::lifecycle::LifecycleSettings;
use fleet_worker::program::notices::NoticeSettings;

/// What the endpoint saw: authorization, session token, body.
type Seen = Arc<Mutex<Vec<(String, String, String)>>>;

/// What the endpoint's errors repeat of the request.
#[derive(Clone, Copy)]
enum Echo {
    Nothing,
    Request,
}

#[derive(Clone)]
struct World {
    echo: Echo,
    seen: Seen,
    /// So many of the first answers are a failure.
    failures: usize,
    url: String,
}

impl World {
    async fn new(failures: usize) -> Self {
        Self::with(failures, Echo::Nothing).await
    }

    async fn with(failures: usize, echo: Echo) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let world = Self { echo, seen: Arc::default(), failures, url };
        let pages = Router::new().fallback(answer).with_state(world.clone());
        tokio::spawn(async move { axum::serve(listener, pages).await });
        world
    }

    async fn complete(&self, group: Option<&str>, variables: &[(&str, &str)]) -> Result<(), String> {
        let variable = |name: &str| match name {
            "AWS_ENDPOINT_URL" => Some(self.url.clone()),
            _ => variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()),
        };
        let mut metadata = NoticeSettings::at(&self.url).expect("a base URL").metadata();
        LifecycleSettings::of("drained", group, variable).complete(&mut metadata).await
    }

    fn seen(&self) -> Vec<(String, String, String)> {
        self.seen.lock().expect("nobody panicked").clone()
    }
}

async fn answer(State(world): State<World>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let known = match (method, uri.path()) {
        (Method::PUT, "/latest/api/token") => "token",
        (Method::GET, "/latest/meta-data/instance-id") => "i-0123456789abcdef0",
        (Method::GET, "/latest/meta-data/placement/region") => "eu-central-1",
        (Method::GET, "/latest/meta-data/iam/security-credentials/") => "fleet-worker",
        (Method::GET, "/latest/meta-data/iam/security-credentials/fleet-worker") => {
            r#"{"Code":"Success","AccessKeyId":"ASIA","SecretAccessKey":"S3CRET","Token":"T0KEN","Expiration":"x"}"#
        }
        (Method::POST, "/") => {
            let text =
                |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
            let mut seen = world.seen.lock().expect("nobody panicked");
            let body = String::from_utf8_lossy(&body).into_owned();
            seen.push((text("authorization"), text("x-amz-security-token"), body));
            if seen.len() <= world.failures {
                let (authorization, token, _) = &seen[seen.len() - 1];
                let error = match world.echo {
                    Echo::Nothing => {
                        "<Error><Code>ServiceUnavailable</Code><Message>later</Message></Error>".to_owned()
                    }
                    Echo::Request => format!("<Message>{token} {authorization}</Message>"),
                };
                return (StatusCode::SERVICE_UNAVAILABLE, error).into_response();
            }
            "<CompleteLifecycleActionResponse/>"
        }
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    known.into_response()
}

#[tokio::test]
async fn the_instances_role_completes_the_hook() {
    let world = World::new(1).await;
    assert_eq!(world.complete(Some("workers a"), &[]).await, Ok(()));
    let seen = world.seen();
    assert_eq!(seen.len(), 2, "the first answer was a failure");
    let (authorization, token, body) = &seen[1];
    assert!(authorization.starts_with("AWS4-HMAC-SHA256 Credential=ASIA/"), "{authorization}");
    assert!(authorization.contains("/eu-central-1/autoscaling/aws4_request"), "{authorization}");
    assert_eq!(token, "T0KEN");
    let expected = "Action=CompleteLifecycleAction&AutoScalingGroupName=workers%20a&InstanceId=i-0123456789abcdef0\
                    &LifecycleActionResult=CONTINUE&LifecycleHookName=drained&Version=2011-01-01";
    assert_eq!(body, expected);
}

#[tokio::test]
async fn the_environments_key_and_region_win() {
    let world = World::new(0).await;
    let variables = [("AWS_ACCESS_KEY_ID", "AKIA"), ("AWS_SECRET_ACCESS_KEY", "S3CRET"), ("AWS_REGION", "us-east-1")];
    assert_eq!(world.complete(Some("g"), &variables).await, Ok(()));
    let (authorization, token, _) = &world.seen()[0];
    assert!(authorization.contains("Credential=AKIA/") && authorization.contains("/us-east-1/"), "{authorization}");
    assert_eq!(token, "");
}

#[tokio::test]
async fn what_fails_each_time_is_told_without_secrets() {
    let world = World::new(99).await;
    let why = world.complete(Some("g"), &[]).await.unwrap_err();
    assert!(why.ends_with("answered 503: later"), "{why}");
    assert_eq!(world.seen().len(), 3);
    let why = world.complete(None, &[]).await.unwrap_err();
    assert!(why.contains("groupName") && why.ends_with("name the group with --asg"), "{why}");
    assert!(!why.contains("S3CRET") && !why.contains("T0KEN"));
}

#[tokio::test]
async fn an_endpoint_that_repeats_the_request_gives_no_secret_away() {
    let world = World::with(99, Echo::Request).await;
    let why = world.complete(Some("g"), &[]).await.unwrap_err();
    let (authorization, token, _) = &world.seen()[2];
    let signature = authorization.split("Signature=").nth(1).unwrap();
    assert!(signature.len() == 64 && token == "T0KEN", "{authorization}");
    assert!(!why.contains(signature) && !why.contains("T0KEN"), "{why}");
    assert!(why.contains("*** AWS4-HMAC-SHA256 Credential=ASIA/"), "what is no secret is told: {why}");
}
