//! Writes each notice as one line.

use std::io::Write;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use fleet_core::domain::Notice;
use fleet_core::seams::{Delivered, Notifier, NotifyError};

/// Writes notices to a stream, one a line. A line that could not be written whole was not sent.
pub struct LineNotifier {
    out: Mutex<Box<dyn Write + Send>>,
    prefix: String,
}

impl LineNotifier {
    /// A notifier that writes `prefix` and the notice's text.
    #[must_use]
    pub fn new(out: Box<dyn Write + Send>, prefix: &str) -> Self {
        Self { out: Mutex::new(out), prefix: prefix.to_owned() }
    }

    /// Notices on standard error, where everything goes that is not a result.
    #[must_use]
    pub fn stderr() -> Self {
        Self::new(Box::new(std::io::stderr()), "notice: ")
    }
}

#[async_trait]
impl Notifier for LineNotifier {
    async fn send(&self, _key: &str, notice: &Notice) -> Result<Delivered, NotifyError> {
        let line = format!("{}{}\n", self.prefix, notice.text.replace('\n', " "));
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        out.write_all(line.as_bytes()).and_then(|()| out.flush()).map_err(|error| NotifyError(error.to_string()))?;
        Ok(Delivered::Accepted)
    }
}

#[cfg(test)]
mod tests {
    use fleet_core::domain::{NoticeKind, TradeId};

    use super::*;

    /// A stream that takes so many bytes and then fails.
    struct Full(usize);

    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            let taken = bytes.len().min(self.0);
            self.0 -= taken;
            if taken == 0 { Err(std::io::Error::other("full")) } else { Ok(taken) }
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_line_that_was_not_written_was_not_sent() {
        let notice = Notice {
            kind: NoticeKind::Buy,
            trade: TradeId::from_user("ABCD"),
            at: jiff::Timestamp::UNIX_EPOCH,
            text: "BUY\nAAPL".to_owned(),
        };
        let sent = LineNotifier::new(Box::new(Full(100)), "notice: ").send("k", &notice).await;
        assert!(matches!(sent, Ok(Delivered::Accepted)));
        assert!(LineNotifier::new(Box::new(Full(10)), "notice: ").send("k", &notice).await.is_err());
    }
}
