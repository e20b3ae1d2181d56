//! One call, made well: paced, limited in time, and tried again where that is safe. The only file of this crate
//! that tries again.

use std::future::Future;
use std::time::Duration;

use tokio::time::sleep;

use crate::gateways::Gateways;
use crate::ledger::LedgerError;
use crate::progress::Progress;
use crate::provider::{Conflict, ProviderError};
use crate::quota::Operation;
use crate::region::Region;

/// A call is sent again after this many 429s: with an interval that widens to four times, and others deleting in the same
/// account, a turn comes within these.
const MAX_THROTTLES: u32 = 10;
/// And after this many failures that may pass by themselves.
const MAX_FAULTS: u32 = 4;
/// The first wait after such a failure; each next one is twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// Why something was not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ActError {
    /// The provider did not do it.
    #[error("{operation} in {region} failed")]
    Provider {
        /// What.
        operation: Operation,
        /// Where.
        region: Region,
        /// Why.
        #[source]
        cause: ProviderError,
    },
    /// The ledger did not do it.
    #[error("the ledger could not be written")]
    Ledger(#[from] LedgerError),
    /// It was not begun, because bringing up failed elsewhere.
    #[error("not begun, because too many other Regions failed")]
    NotBegun,
}

impl ActError {
    /// Whether trying again later can help.
    #[must_use]
    pub const fn may_pass(&self) -> bool {
        match self {
            Self::Provider { cause, .. } => may_pass(cause),
            Self::Ledger(LedgerError::Unavailable(_)) | Self::NotBegun => true,
            Self::Ledger(
                LedgerError::NotFound(_)
                | LedgerError::NotWanted(_)
                | LedgerError::NotHeld(_)
                | LedgerError::Damaged(_),
            ) => false,
        }
    }
}

/// Whether trying again later can help.
#[must_use]
pub const fn may_pass(error: &ProviderError) -> bool {
    match error {
        ProviderError::Throttled { .. }
        | ProviderError::Unknown(_)
        | ProviderError::Conflict(Conflict::Busy | Conflict::StagesAttached) => true,
        ProviderError::NotFound(_)
        | ProviderError::Conflict(Conflict::AlreadyExists)
        | ProviderError::RegionDisabled(_)
        | ProviderError::Denied(_)
        | ProviderError::LimitReached(_)
        | ProviderError::BadRequest(_) => false,
    }
}

/// Whether a call may be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// Twice does what once does.
    Safe,
    /// The same, and what it is about was made just now: not to be found means not to be found yet.
    SafeOnNew,
    /// Only while it is certain that nothing happened.
    OnlyIfRefused,
    /// The same, and what it needs was made just now.
    OnlyIfRefusedOnNew,
}

/// Why one try failed.
pub(crate) enum TryError {
    Provider(ProviderError),
    Ledger(LedgerError),
}

impl From<ProviderError> for TryError {
    fn from(error: ProviderError) -> Self {
        Self::Provider(error)
    }
}

impl From<LedgerError> for TryError {
    fn from(error: LedgerError) -> Self {
        Self::Ledger(error)
    }
}

impl Gateways {
    /// Makes a call of the provider's in its turn. `attempt` is one try, and limits its own time.
    pub(crate) async fn call<T, F>(
        &self,
        (region, operation): (&Region, Operation),
        repeat: Repeat,
        attempt: impl Fn() -> F,
    ) -> Result<T, ActError>
    where
        F: Future<Output = Result<T, TryError>>,
    {
        let (mut throttles, mut faults) = (0, 0);
        loop {
            self.pace.permit(region, operation).await;
            let cause = match attempt().await {
                Ok(value) => return Ok(value),
                Err(TryError::Ledger(error)) => return Err(ActError::Ledger(error)),
                Err(TryError::Provider(cause)) => cause,
            };
            if let ProviderError::Throttled { retry_after } = cause {
                self.tell(&Progress::Throttled { region: region.clone(), operation, retry_after });
                self.pace.throttled(region, operation, retry_after);
                throttles += 1;
                if throttles <= MAX_THROTTLES {
                    continue;
                }
            }
            // Something that is being changed refused, so nothing happened: that is safe to repeat always.
            let again = match repeat {
                Repeat::Safe => may_pass(&cause),
                Repeat::SafeOnNew => may_pass(&cause) || matches!(cause, ProviderError::NotFound(_)),
                Repeat::OnlyIfRefused => cause == ProviderError::Conflict(Conflict::Busy),
                Repeat::OnlyIfRefusedOnNew => {
                    matches!(cause, ProviderError::Conflict(Conflict::Busy) | ProviderError::NotFound(_))
                }
            };
            faults += 1;
            if again && faults <= MAX_FAULTS && throttles <= MAX_THROTTLES {
                sleep(FIRST_WAIT * 2_u32.pow(faults - 1)).await;
                continue;
            }
            return Err(ActError::Provider { operation, region: region.clone(), cause });
        }
    }

    /// A question that is about no Region, and has no pace: asked again where that can help.
    pub(crate) async fn asked<T, F>(&self, question: impl Fn() -> F) -> Result<T, ProviderError>
    where
        F: Future<Output = Result<T, ProviderError>>,
    {
        let mut faults = 0;
        loop {
            match self.limited(question()).await {
                Err(cause) if may_pass(&cause) && faults < MAX_FAULTS => {
                    sleep(FIRST_WAIT * 2_u32.pow(faults)).await;
                    faults += 1;
                }
                answer => return answer,
            }
        }
    }

    /// One try of the provider's, with a limit: no answer within it is an unknown outcome.
    pub(crate) async fn limited<T>(
        &self,
        call: impl Future<Output = Result<T, ProviderError>>,
    ) -> Result<T, ProviderError> {
        let limit = self.settings.call_limit;
        match tokio::time::timeout(limit, call).await {
            Ok(answer) => answer,
            Err(_) => Err(ProviderError::Unknown(format!("no answer within {} s", limit.as_secs()))),
        }
    }
}
