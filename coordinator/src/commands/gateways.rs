//! `gateways`: bring some up and keep them, list what there is, delete what no run uses, try each.

use std::sync::Arc;
use std::time::{Duration, Instant};

use fleet_core::domain::{GatewayEndpoint, GatewayKey};
use fleet_core::seams::{Clock as _, SystemClock};
use fleet_gateways::picture::Leases;
use fleet_gateways::set::{GatewaySet, SetState};
use fleet_gateways::{Gateways, Scope};
use fleet_scraper::TlsSettings;
use fleet_scraper::probe::{Probed, probe};
use fleet_telemetry::say;
use futures::future::join_all;
use serde::Serialize;

use super::{cleanup, run_scan};
use crate::args::{Format, GatewaysArgs, GatewaysCommand, Global};
use crate::commands::context;
use crate::config::{Settings, vendor_ca_file, vendor_plan};
use crate::failure::{Exit, Failure};
use crate::gateways::around::{self, Ended, Up, Wanted};
use crate::gateways::holder;
use crate::gateways::told::{self, Teller};
use crate::gateways::wiring::{self, Reach, TEST_ROUTE};
use crate::progress::Telling;
use crate::report::SCHEMA;
use crate::report::layout::{Align, Column, grid};
use crate::{interrupt, markets, output};

/// Does what is named.
pub async fn run(global: &Global, args: &GatewaysArgs) -> Result<Exit, Failure> {
    cleanup::refuse_csv(global)?;
    let mut settings = context::configure(global, Vec::new())?.settings;
    match &args.act {
        Some(GatewaysCommand::Up { keep }) => {
            settings.gateways.keep_warm = format!("{}s", keep.as_secs());
            up(global, &settings).await
        }
        None | Some(GatewaysCommand::List) => {
            let telling = Telling::of(global);
            let opened = cleanup::opened(&settings, Scope::Everywhere, Leases::Honoured, telling).await?;
            cleanup::tell(global, &opened).await
        }
        Some(GatewaysCommand::Down) => down(global, &settings).await,
        Some(GatewaysCommand::Test) => test(global, &settings).await,
    }
}

async fn up(global: &Global, settings: &Settings) -> Result<Exit, Failure> {
    let telling = Telling::of(global);
    let provider = wiring::provider(settings, Reach::Configured).await?;
    let mut interrupted = interrupt::listen("deleting what was begun", Some(interrupt::GATEWAYS_LEFT))?;
    let store = markets::open_store(settings).await?;
    let wanted = Wanted {
        settings,
        spec: wiring::spec(settings, &vendor_plan(settings))?,
        store,
        provider,
        name: format!("kept-{}", SystemClock.now().as_second()),
        run: run_scan::holder(),
    };
    match around::bring_up(wanted, telling, &mut interrupted).await? {
        Up::Standing(standing) => {
            let names = standing.names();
            output::print(&match global.format {
                Format::Json => output::json(&NameList { schema: SCHEMA, gateways: &names })?,
                Format::Table | Format::Csv => format!("{}\n", names.join("\n")),
            })?;
            match standing.end().await {
                Ended::Kept => Ok(Exit::Done),
                Ended::Gone => Err(Failure::broken("no gateways are kept: they were deleted again")),
                Ended::Incomplete => Ok(Exit::TeardownIncomplete),
            }
        }
        Up::Interrupted => Ok(Exit::Interrupted),
    }
}

async fn down(global: &Global, settings: &Settings) -> Result<Exit, Failure> {
    let telling = Telling::of(global);
    let cleanup::Opened { gateways, .. } =
        cleanup::opened(settings, Scope::Everywhere, Leases::Honoured, telling).await?;
    release_unused(&gateways).await?;
    let began = Instant::now();
    let report = gateways.reconcile().await.map_err(|error| wiring::reconcile_failure(&error))?;
    told::down(&report, began.elapsed(), telling);
    cleanup::print_outcome(global, &report)?;
    Ok(if report.is_complete() { Exit::Done } else { Exit::Incomplete })
}

/// Nobody wants this owner's sets in this account any more, but for those a run uses; a store may have others' beside them.
async fn release_unused(gateways: &Gateways) -> Result<(), Failure> {
    let sets = gateways.sets().await.map_err(|error| wiring::reconcile_failure(&error))?;
    let (now, me) = (SystemClock.now(), holder::of_this_process(&run_scan::holder()));
    for set in sets.iter().filter(|set| set.state == SetState::Wanted) {
        match &set.holder {
            Some(holder) if set.is_live(now) && !holder::is_dead(holder) => {
                say!("{}: used by {}; it stays", set.id, holder::shown(holder))
            }
            // Whoever takes it meanwhile holds it, and it stays.
            held => match gateways.release(&set.id, held.as_ref().unwrap_or(&me)).await {
                Ok(()) => {}
                Err(error) => say!("{}: {error}; it stays", set.id),
            },
        }
    }
    Ok(())
}

/// Gateways that came up.
#[derive(Serialize)]
struct NameList<'a> {
    schema: u32,
    gateways: &'a [String],
}

/// One gateway, tried.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Tried {
    set: String,
    gateway: String,
    status: Option<u16>,
    latency_ms: Option<u64>,
    address: Option<String>,
    failure: Option<String>,
}

#[derive(Serialize)]
struct TriedList<'a> {
    schema: u32,
    gateways: &'a [Tried],
}

async fn test(global: &Global, settings: &Settings) -> Result<Exit, Failure> {
    let provider = wiring::provider(settings, Reach::Configured).await?;
    let ledger = wiring::ledger(Some(markets::existing_store(settings).await?));
    let quiet = Arc::new(Teller::new(Telling::Quiet));
    let gateways = wiring::door(provider, ledger, wiring::behaviour(settings)?, quiet);
    // Of this account and owner alone: a key is nobody else's business.
    let sets = gateways.sets().await.map_err(|error| wiring::reconcile_failure(&error))?;
    let now = SystemClock.now();
    let live: Vec<&GatewaySet> = sets.iter().filter(|set| set.is_live(now)).collect();
    let mut endpoints = Vec::new();
    for set in live {
        let up = gateways.endpoints_of(set);
        let names = wiring::names(up.iter().map(|endpoint| &endpoint.region));
        endpoints.extend(up.into_iter().zip(names).map(|(endpoint, name)| {
            let api_key = GatewayKey::new(endpoint.key.reveal().to_owned());
            (set.id.to_string(), GatewayEndpoint { name, base_url: endpoint.base_url, api_key })
        }));
    }
    if endpoints.is_empty() {
        return Err(Failure::usage("no gateways are up").hint("`optionfleet gateways up` brings some up"));
    }
    let spec = wiring::spec(settings, &vendor_plan(settings))?;
    let named = spec.routes().iter().find(|route| route.name() == TEST_ROUTE).or_else(|| spec.routes().first());
    let route = named.map(|route| route.name().to_owned()).unwrap_or_default();
    let tls = TlsSettings { ca_file: vendor_ca_file(settings) };
    let tried = join_all(
        endpoints
            .iter()
            .map(|(set, endpoint)| async { tried(set, &endpoint.name, probe(endpoint, &route, &tls).await) }),
    )
    .await;
    let text = match global.format {
        Format::Table => table(&tried),
        Format::Json => output::json(&TriedList { schema: SCHEMA, gateways: &tried })?,
        Format::Csv => return Err(Failure::usage("gateways are told with --format table or json")),
    };
    output::print(&text)?;
    let sound = tried.iter().all(|one| one.status.is_some_and(|status| status < 400));
    Ok(if sound { Exit::Done } else { Exit::Incomplete })
}

fn tried(set: &str, gateway: &str, answer: Result<Probed, String>) -> Tried {
    let (set, gateway) = (set.to_owned(), gateway.to_owned());
    let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    match answer {
        Ok(Probed { status, latency, address, .. }) => Tried {
            set,
            gateway,
            status: Some(status),
            latency_ms: Some(ms(latency)),
            address: address.map(|address| address.to_string()),
            failure: None,
        },
        Err(failure) => Tried { set, gateway, status: None, latency_ms: None, address: None, failure: Some(failure) },
    }
}

fn table(tried: &[Tried]) -> String {
    let columns = [
        Column(Align::Left, "GATEWAY", ""),
        Column(Align::Right, "STATUS", ""),
        Column(Align::Right, "TIME", ""),
        Column(Align::Left, "ADDRESS SEEN", ""),
        Column(Align::Left, "SET", ""),
    ];
    let row = |one: &Tried| {
        let dash = || "-".to_owned();
        let status = one.status.map_or_else(dash, |status| status.to_string());
        let time = one.latency_ms.map_or_else(dash, |ms| format!("{ms} ms"));
        let address = one.address.clone().or_else(|| one.failure.clone()).unwrap_or_else(dash);
        vec![one.gateway.clone(), status, time, address, one.set.clone()]
    };
    grid(&columns, &tried.iter().map(row).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use fleet_core::seams::Holder;
    use fleet_gateways::Settings as GatewaysSettings;
    use fleet_gateways::ledger::{Ledger, Part};
    use fleet_gateways::memory_aws::{MemoryAws, MemorySettings};
    use fleet_gateways::memory_ledger::MemoryLedger;
    use fleet_gateways::region::{AccountId, Region};
    use fleet_gateways::set::{Entropy, Opening, Order, SetId};
    use fleet_gateways::spec::SpecHash;
    use fleet_gateways::tags::OwnerTag;
    use fleet_scraper::probe::Speaker;
    use jiff::Timestamp;

    use super::*;

    /// A set that is kept warm, of an account and an owner.
    fn warm(name: &str, account: &str, owner: &str) -> GatewaySet {
        let order = Order {
            set: SetId::parse(name).unwrap(),
            holder: Holder("host:1".to_owned()),
            regions: vec![Region::parse("us-east-1").unwrap()],
            per_region: 1,
            expires_at: Timestamp::MAX,
            entropy: Entropy([1; 32]),
        };
        let opening = Opening {
            account: AccountId(account.to_owned()),
            owner: OwnerTag::parse(owner).unwrap(),
            spec_hash: SpecHash("0".repeat(16)),
            at: Timestamp::UNIX_EPOCH,
        };
        GatewaySet { holder: None, ..GatewaySet::draw(&order, opening) }
    }

    #[tokio::test]
    async fn what_others_keep_in_the_same_store_stays() {
        let aws = MemorySettings::real(1, vec![Region::parse("us-east-1").unwrap()]);
        let ledger = Arc::new(MemoryLedger::default());
        let account = aws.account.to_string();
        for (name, account, owner) in [
            ("ours", account.as_str(), "desk-7"),
            ("of-another-owner", account.as_str(), "desk-8"),
            ("of-another-account", "999999999999", "desk-7"),
        ] {
            ledger.open(&warm(name, account, owner)).await.unwrap();
        }
        let used =
            GatewaySet { holder: Some(Holder("elsewhere:1#0-0".to_owned())), ..warm("used", &account, "desk-7") };
        ledger.open(&used).await.unwrap();
        let settings = GatewaysSettings::of(OwnerTag::parse("desk-7").unwrap());
        let quiet = Arc::new(Teller::new(Telling::Quiet));
        let gateways = wiring::door(Arc::new(MemoryAws::new(aws)), ledger.clone(), settings, quiet);
        release_unused(&gateways).await.unwrap();
        let wanted = ledger.sets().await.unwrap();
        let wanted: Vec<&str> =
            wanted.iter().filter(|set| set.state == SetState::Wanted).map(|set| set.id.as_str()).collect();
        assert_eq!(wanted, ["of-another-account", "of-another-owner", "used"]);
        ledger.release(&used.id, &Part::Whole, None).await.unwrap();
    }

    #[test]
    fn what_fails_is_told_in_words() {
        let answer = Probed {
            status: 200,
            by: Speaker::Target,
            latency: Duration::from_millis(41),
            address: "203.0.113.7".parse().ok(),
        };
        let text = table(&[tried("s", "us-east-1", Ok(answer)), tried("s", "us-west-2", Err("no answer".to_owned()))]);
        assert!(text.contains("us-east-1    200 41 ms 203.0.113.7  s"), "{text}");
        assert!(text.contains("us-west-2      -     - no answer    s"), "{text}");
    }
}
