//! Robinhood: chains and bars with an account's token.
//!
//! A chain takes the stock's id, its chains, its price, the pages of contracts of the wanted expirations, and their marks
//! forty at a time. Ids are kept as long as the market lives, so that bars need no second search. Adjusted chains are not
//! asked for: no gate would let one of their contracts pass.
//!
//! Promises: the token goes to the configured host and nowhere else; the next page is followed as it is written; an
//! expiration is served whole or not at all. Refuses: to ask anything without a token.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use fleet_core::domain::calendar::exchange_date;
use fleet_core::domain::{
    BarSeries, Chain, ContractQuote, Instrument, OccSymbol, RefusedRow, Root, RowRefusal, Ticker, UnderlyingFacts,
    Vendor,
};
use fleet_core::seams::{ChainRequest, FetchFailure, RequestTally};
use jiff::civil::Date;
use jiff::{Timestamp, Unit};
use reqwest::header::HeaderValue;

use super::bars::empty;
use super::chain::{is_refusal, wanted};
use super::{VendorMarket, ask};
use crate::egress::Host;
use crate::fetch::{Ask, Reply};
use crate::identity::RequestKind;
use crate::parse_error::ParseError;
use crate::spelling;
use crate::token::RobinhoodToken;
use crate::vendors::robinhood::parse::{ListedChain, ListedContract};
use crate::vendors::robinhood::{Uuid, parse, urls};
use crate::vendors::row::CLOCK_SLACK;

/// The site whose pages ask the API.
const ORIGIN: &str = "https://robinhood.com";
/// Pages of contracts of one chain. The largest chain has 30,000 contracts; a page's length is the vendor's choice.
const MAX_PAGES: usize = 400;
/// Contracts whose ids are kept: some 40 bytes each.
const MAX_IDS: usize = 400_000;

/// What to do where a token is missing or refused.
const HINT: &str =
    "put one into ROBINHOOD_TOKEN, or into a file named by ROBINHOOD_TOKEN_FILE, of the process that asks";

/// Robinhood's host, the token for it, and the ids it told.
pub(super) struct Robinhood {
    host: Host,
    token: Option<HeaderValue>,
    ids: Mutex<Ids>,
}

/// Ids by what they stand for.
#[derive(Default)]
struct Ids {
    stocks: BTreeMap<Ticker, Uuid>,
    chains: BTreeMap<Ticker, Vec<ListedChain>>,
    contracts: HashMap<OccSymbol, Uuid>,
    /// Whose contracts have a root, as chains of any vendor told.
    roots: BTreeMap<Root, Ticker>,
}

impl Robinhood {
    pub(super) fn new(host: Host, token: Option<RobinhoodToken>) -> Self {
        Self { host, token: token.map(|token| token.header()), ids: Mutex::default() }
    }

    /// A chain tells whose its roots are: without it a contract's bars could not be asked for.
    pub(super) fn remember_roots(&self, chain: &Chain) {
        let roots: BTreeSet<Root> = chain.contracts.iter().map(|quote| quote.symbol.root).collect();
        self.ids().roots.extend(roots.into_iter().map(|root| (root, chain.underlying.clone())));
    }

    fn remember_contracts(&self, listed: &[ListedContract]) {
        let mut ids = self.ids();
        if ids.contracts.len() + listed.len() > MAX_IDS {
            ids.contracts.clear();
        }
        ids.contracts.extend(listed.iter().map(|listed| (listed.symbol, listed.id)));
    }

    fn ids(&self) -> MutexGuard<'_, Ids> {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn base(&self) -> &str {
        &self.host.base
    }
}

impl VendorMarket {
    /// Asks with the token. What a refusal means is said in words that help.
    async fn ask_robinhood<T>(
        &self,
        site: &Robinhood,
        url: &str,
        tally: &RequestTally,
        read: impl Fn(&Reply) -> Result<T, ParseError>,
    ) -> Result<T, FetchFailure> {
        let Some(token) = &site.token else {
            return Err(FetchFailure::Unauthorized(format!("its token is missing; {HINT}")));
        };
        let plain = ask(&site.host, url, RequestKind::Data { origin: ORIGIN }, None)?;
        let ask = Ask { authorization: Some(token.clone()), ..plain };
        let answer = self.fetcher.get(&ask, tally, |reply| read(&reply).map_err(|error| error.into_failure())).await;
        answer.map_err(|failure| match failure {
            FetchFailure::Unauthorized(said) => {
                FetchFailure::Unauthorized(format!("its token has expired or is not valid ({said}); {HINT}"))
            }
            other => other,
        })
    }

    async fn robinhood_stock(
        &self,
        site: &Robinhood,
        ticker: &Ticker,
        tally: &RequestTally,
    ) -> Result<Uuid, FetchFailure> {
        let known = site.ids().stocks.get(ticker).copied();
        if let Some(known) = known {
            return Ok(known);
        }
        let url = urls::equity(site.base(), ticker);
        let id = self.ask_robinhood(site, &url, tally, |reply| parse::equity(&reply.body, ticker)).await?;
        site.ids().stocks.insert(ticker.clone(), id);
        Ok(id)
    }

    /// The chains of a stock whose contracts deliver 100 shares.
    async fn robinhood_chains(
        &self,
        site: &Robinhood,
        ticker: &Ticker,
        tally: &RequestTally,
    ) -> Result<Vec<ListedChain>, FetchFailure> {
        let stock = self.robinhood_stock(site, ticker, tally).await?;
        let url = urls::chains(site.base(), stock);
        let mut chains = self.ask_robinhood(site, &url, tally, |reply| parse::chains(&reply.body)).await?;
        let root = |chain: &ListedChain| Root::parse(&chain.symbol.replace('.', ""));
        chains
            .retain(|chain| chain.is_standard && root(chain).is_some_and(|root| spelling::root_belongs(&root, ticker)));
        let mut ids = site.ids();
        ids.roots.extend(chains.iter().filter_map(root).map(|root| (root, ticker.clone())));
        ids.chains.insert(ticker.clone(), chains.clone());
        Ok(chains)
    }

    /// The contracts of some expirations of a chain, from all pages.
    async fn robinhood_contracts(
        &self,
        site: &Robinhood,
        chain: &ListedChain,
        days: &[Date],
        tally: &RequestTally,
    ) -> Result<(Vec<ListedContract>, Vec<RefusedRow>), FetchFailure> {
        let mut url = urls::contracts(site.base(), chain.id, days);
        let mut followed = BTreeSet::from([url.clone()]);
        let (mut listed, mut refused) = (Vec::new(), Vec::new());
        loop {
            let page = self.ask_robinhood(site, &url, tally, |reply| parse::contracts(&reply.body)).await?;
            // Whatever else it lists was not asked for.
            listed.extend(page.contracts.into_iter().filter(|listed| days.contains(&listed.symbol.expiration)));
            refused.extend(page.refused);
            let Some(next) = page.next else { break };
            url = urls::next_page(site.base(), &next).map_err(FetchFailure::Malformed)?.into();
            if !followed.insert(url.clone()) {
                return Err(FetchFailure::Malformed("its pages of contracts go round in a circle".to_owned()));
            }
            if followed.len() > MAX_PAGES {
                return Err(FetchFailure::Malformed(format!("more than {MAX_PAGES} pages of contracts")));
            }
        }
        site.remember_contracts(&listed);
        Ok((listed, refused))
    }

    pub(super) async fn robinhood_chain(
        &self,
        site: &Robinhood,
        ticker: &Ticker,
        want: &ChainRequest,
        tally: &RequestTally,
    ) -> Result<(Chain, Timestamp), FetchFailure> {
        let chains = self.robinhood_chains(site, ticker, tally).await?;
        let listed: BTreeSet<Date> = chains.iter().flat_map(|chain| chain.expirations.iter().copied()).collect();
        let listed: Vec<Date> = listed.into_iter().collect();
        let stock = self.robinhood_stock(site, ticker, tally).await?;
        let (spot, mut arrived) = self
            .ask_robinhood(site, &urls::quote(site.base(), stock), tally, |reply| {
                Ok((parse::spot(&reply.body, ticker)?, reply.arrived))
            })
            .await?;
        let wanted = wanted(&listed, want, want.as_of.unwrap_or(arrived));
        let mut chain = Chain {
            underlying: ticker.clone(),
            vendor: Vendor::Robinhood,
            quote_time: None,
            vendor_spot: spot,
            vendor_yield: None,
            facts: UnderlyingFacts::default(),
            contracts: Vec::new(),
            refused: Vec::new(),
            expirations: listed,
            not_served: wanted.unlisted,
        };
        let mut served = Served::default();
        for own in chains {
            let days: Vec<Date> = wanted.listed.iter().copied().filter(|day| own.expirations.contains(day)).collect();
            if days.is_empty() {
                continue;
            }
            match self.robinhood_contracts(site, &own, &days, tally).await {
                Ok((contracts, refused)) => {
                    chain.refused.extend(refused);
                    let named =
                        days.iter().filter(|day| contracts.iter().all(|listed| listed.symbol.expiration != **day));
                    served.missing.extend(named);
                    self.robinhood_marks(site, ticker, contracts, &mut served, tally).await;
                }
                Err(failure) => served.failed(&days, failure),
            }
        }
        if served.quotes.is_empty()
            && let Some(failure) = served.failure
        {
            return Err(failure);
        }
        let Served { missing, quotes, refused, times, newest, .. } = served;
        chain.contracts.extend(quotes.into_iter().filter(|quote| !missing.contains(&quote.symbol.expiration)));
        chain.refused.extend(refused);
        chain.not_served.extend(missing);
        chain.not_served.sort_unstable();
        chain.not_served.dedup();
        arrived = newest.map_or(arrived, |newest| newest.max(arrived));
        // What has not happened yet dates nothing.
        let latest = arrived.checked_add(CLOCK_SLACK).unwrap_or(arrived);
        chain.quote_time = times.into_iter().filter(|at| *at <= latest).max();
        Ok((chain, arrived))
    }

    /// Marks of contracts, in batches. A batch that fails takes its expirations with it: half an expiration is a wrong one.
    async fn robinhood_marks(
        &self,
        site: &Robinhood,
        ticker: &Ticker,
        mut contracts: Vec<ListedContract>,
        served: &mut Served,
        tally: &RequestTally,
    ) {
        contracts.retain(|listed| {
            let own = spelling::root_belongs(&listed.symbol.root, ticker);
            if !own {
                let symbol = listed.symbol.to_string();
                served.refused.push(RefusedRow { symbol, reason: RowRefusal::Contradiction });
            }
            own
        });
        contracts.sort_unstable_by_key(|listed| listed.symbol.expiration);
        for batch in contracts.chunks(urls::BATCH) {
            let days: Vec<Date> = batch.iter().map(|listed| listed.symbol.expiration).collect();
            if served.is_refused || days.iter().all(|day| served.missing.contains(day)) {
                served.missing.extend(days);
                continue;
            }
            let asked: BTreeMap<Uuid, OccSymbol> = batch.iter().map(|listed| (listed.id, listed.symbol)).collect();
            let ids: Vec<Uuid> = batch.iter().map(|listed| listed.id).collect();
            let answer = self
                .ask_robinhood(site, &urls::marks(site.base(), &ids), tally, |reply| {
                    Ok((parse::marks(&reply.body, &asked)?, reply.arrived))
                })
                .await;
            match answer {
                Ok((marks, at)) => {
                    served.quotes.extend(marks.quotes);
                    served.refused.extend(marks.refused);
                    served.times.extend(marks.times);
                    served.newest = served.newest.max(Some(at));
                }
                Err(failure) => served.failed(&days, failure),
            }
        }
    }

    pub(super) async fn robinhood_bars(
        &self,
        site: &Robinhood,
        instrument: &Instrument,
        from: Date,
        until: Timestamp,
        tally: &RequestTally,
    ) -> Result<BarSeries, FetchFailure> {
        let last = exchange_date(until);
        let span = urls::Span::reaching(from.until((Unit::Day, last)).map_or(i32::MAX, |span| span.get_days()));
        // What lies before the longest span is not served, and so not complete.
        let from = from.max(span.begins(last));
        let (url, contract) = match instrument {
            Instrument::Underlying(ticker) => {
                (urls::equity_bars(site.base(), self.robinhood_stock(site, ticker, tally).await?, span), None)
            }
            Instrument::Contract(symbol) => match self.robinhood_contract(site, symbol, tally).await? {
                Some(id) => (urls::contract_bars(site.base(), id, span), Some(id)),
                None => return Ok(empty(instrument)),
            },
        };
        let answer = self
            .ask_robinhood(site, &url, tally, |reply| parse::bars(&reply.body, instrument, contract, (from, last)))
            .await;
        match (answer, instrument) {
            (Err(FetchFailure::NotFound), Instrument::Contract(_)) => Ok(empty(instrument)),
            (answer, _) => answer,
        }
    }

    /// The id of a contract: known from its chain, or looked for among those of its expiration. `None`: not listed.
    async fn robinhood_contract(
        &self,
        site: &Robinhood,
        symbol: &OccSymbol,
        tally: &RequestTally,
    ) -> Result<Option<Uuid>, FetchFailure> {
        let (known, ticker) = {
            let ids = site.ids();
            (ids.contracts.get(symbol).copied(), ids.roots.get(&symbol.root).cloned())
        };
        if known.is_some() {
            return Ok(known);
        }
        let Some(ticker) = ticker else { return Ok(None) };
        let listed = site.ids().chains.get(&ticker).cloned();
        let chains = match listed {
            Some(chains) => chains,
            None => self.robinhood_chains(site, &ticker, tally).await?,
        };
        for chain in chains.iter().filter(|chain| chain.expirations.contains(&symbol.expiration)) {
            self.robinhood_contracts(site, chain, &[symbol.expiration], tally).await?;
        }
        Ok(site.ids().contracts.get(symbol).copied())
    }
}

/// What became of the wanted expirations.
#[derive(Default)]
struct Served {
    quotes: Vec<ContractQuote>,
    refused: Vec<RefusedRow>,
    times: Vec<Timestamp>,
    newest: Option<Timestamp>,
    /// Expirations of which something was not answered.
    missing: BTreeSet<Date>,
    /// The first failure.
    failure: Option<FetchFailure>,
    /// A failure that makes asking on pointless or impolite.
    is_refused: bool,
}

impl Served {
    fn failed(&mut self, days: &[Date], failure: FetchFailure) {
        self.missing.extend(days);
        self.is_refused |= is_refusal(&failure);
        self.failure.get_or_insert(failure);
    }
}
