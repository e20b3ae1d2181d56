//! The claim that a store has on its stream: the last words of the stream's description, read and written as they are. What
//! it means is [`crate::redis`]'s to say.

use async_nats::jetstream::stream;
use serde_json::json;

use super::failure::Failure;
use super::link::{Link, REQUEST_LIMIT};
use super::settings::NatsSettings;

/// What a description begins with; the claim follows.
const WORDS: &str = "tasks of an Optionfleet store, claim ";

/// The present claim; `None`: nobody has one.
pub(super) async fn read(link: &Link, settings: &NatsSettings) -> Result<Option<String>, Failure> {
    Ok(config(link, settings).await?.description.as_deref().and_then(claim_in))
}

/// Puts a claim in the place of whatever is there. Everything else of the stream stays.
pub(super) async fn write(link: &Link, settings: &NatsSettings, claim: &str) -> Result<(), Failure> {
    let config = stream::Config { description: Some(format!("{WORDS}{claim}")), ..config(link, settings).await? };
    let name = format!("STREAM.UPDATE.{}", settings.stream);
    link.api::<stream::Info>(&name, &config, REQUEST_LIMIT).await.map(drop)
}

async fn config(link: &Link, settings: &NatsSettings) -> Result<stream::Config, Failure> {
    let name = format!("STREAM.INFO.{}", settings.stream);
    Ok(link.api::<stream::Info>(&name, &json!({}), REQUEST_LIMIT).await?.config)
}

/// What somebody else wrote there is no claim.
fn claim_in(description: &str) -> Option<String> {
    description.strip_prefix(WORDS).filter(|claim| !claim.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_claim_is_a_claim() {
        assert_eq!(claim_in(&format!("{WORDS}0a")).as_deref(), Some("0a"));
        for text in ["", "our work queue", WORDS, "claim 0a"] {
            assert_eq!(claim_in(text), None, "{text}");
        }
    }
}
