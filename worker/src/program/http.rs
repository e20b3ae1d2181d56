//! One request, one answer, over a connection that is already there: all the HTTP this program speaks by itself. (What
//! is asked of vendors goes through `fleet-scraper`.)

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

/// Answers are a word, a line of JSON or a short XML document.
const MAX_BODY: usize = 16 * 1024;

/// Sends and reads; a sentence when that fails. The caller has a limit for the time it takes.
pub(super) async fn exchange<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    request: Request<Full<Bytes>>,
) -> Result<(StatusCode, String), String> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
    let answer = async move {
        let answer = sender.send_request(request).await.map_err(|error| error.to_string())?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), MAX_BODY).collect().await.map_err(|error| error.to_string())?;
        let text = String::from_utf8(body.to_bytes().into()).map_err(|_| "it is no text".to_owned())?;
        Ok((status, text))
    };
    // The connection is over once its sender is dropped, which the answer's end does.
    let (answer, _) = tokio::join!(answer, connection);
    answer
}
