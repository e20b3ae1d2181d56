//! The queue on a real NATS server keeps every promise of a task queue.

use std::time::Duration;

use fleet_core::seams::TaskQueue;
use fleet_engines::conformance::queue::{self, QueueFixture};
use fleet_engines::nats::NatsQueue;
use fleet_servers::NatsServer;

use crate::world::{ACK_WAIT, settings};

struct Fresh {
    queue: NatsQueue,
    _server: NatsServer,
}

impl Fresh {
    async fn start() -> Self {
        let server = NatsServer::start();
        Self { queue: NatsQueue::connect(settings(&server.url())).await.unwrap(), _server: server }
    }
}

impl QueueFixture for Fresh {
    fn queue(&self) -> &dyn TaskQueue {
        &self.queue
    }

    fn ack_wait(&self) -> Duration {
        ACK_WAIT
    }

    /// Generous for a machine that is busy with other tests; only waited for when something is missing.
    fn slack(&self) -> Duration {
        Duration::from_millis(1500)
    }
}

macro_rules! tests {
    ($($promise:ident)*) => {$(
        #[tokio::test]
        async fn $promise() {
            queue::$promise(&Fresh::start().await).await.unwrap();
        }
    )*};
}

fleet_engines::queue_promises!(tests);
