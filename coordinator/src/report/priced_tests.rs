use fleet_core::domain::{
    CashPriced, ContractExplanation, ContractQuote, ExerciseModel, ExpectedDividend, PricingModel,
};

use super::*;

fn model(exercise: ExerciseModel) -> PricingModel {
    PricingModel {
        exercise,
        spot: 452.43,
        spot_source: SpotSource::Implied,
        rate: 0.04,
        yield_: 0.0012,
        yield_assumed: false,
        dividend_bound: None,
    }
}

fn cash() -> CashPriced {
    let dividend = |ex_date: &str, projected| ExpectedDividend {
        ex_date: ex_date.parse().unwrap(),
        amount: dollars(0.26),
        projected,
    };
    CashPriced {
        iv: 0.348,
        delta: 0.491,
        model: model(ExerciseModel::AmericanCashDividends),
        dividends: vec![dividend("2026-12-10", false), dividend("2027-03-10", true)],
    }
}

#[test]
fn below_the_table_it_says_what_priced_it() {
    let mut report = build(&input());
    assert!(!table::render(&report).contains("Priced"), "what an earlier version stored tells no model");
    report.candidates[0].model =
        Some(PricingModel { rate: 0.0425, dividend_bound: Some(3.0), ..model(ExerciseModel::American) });
    report.candidates[1].model = Some(model(ExerciseModel::European));
    let text = table::render(&report).replace("\n  ", " ");
    assert!(
        text.contains(
            "\nPriced: 1 with early exercise, 1 with exercise at settlement only; rate 4 to 4.25 %. Dividends before \
             settlement: as a yield for 1 (off by up to $3.00 a share).\n"
        ),
        "{text}"
    );
    report.candidates[1].model = Some(cash().model);
    report.candidates[1].metrics.as_mut().unwrap().cash = Some(Box::new(cash()));
    let text = table::render(&report);
    assert!(text.lines().all(|line| line.chars().count() <= layout::WIDTH), "{text}");
    let text = text.replace("\n  ", " ");
    assert!(
        text.contains(
            "Priced: 2 with early exercise; rate 4 to 4.25 %. Dividends before settlement: in cash for 1 (ex-dates \
             projected), as a yield for 1 "
        ),
        "{text}"
    );
    let csv = csv::render(&report);
    assert!(csv.contains(",american_cash_dividends,0.04,0.0012,2026-12-10:0.26 2027-03-10:0.26,\r\n"), "{csv}");
    assert!(csv.contains(",american,0.0425,0.0012,,3\r\n"), "{csv}");
}

#[test]
fn cash_dividends_are_explained_beside_what_the_gates_saw() {
    let finding = finding("TSLA", Vec::new());
    let of = candidate("TSLA270319C00450000", 19.225, 20.0);
    let mut contract = ContractExplanation {
        quote: ContractQuote {
            symbol: of.symbol,
            bid: Some(of.bid),
            ask: Some(of.ask),
            last: None,
            volume: of.volume,
            open_interest: None,
            vendor_iv: None,
        },
        place: "candidate".into(),
        gate: None,
        iv: of.iv,
        delta: of.delta,
        model: Some(model(ExerciseModel::American)),
        strategies: Vec::new(),
        ranked: None,
        technicals: None,
        metrics: Some(Box::new(ContractMetrics { cash: Some(Box::new(cash())), ..metrics() })),
    };
    let scan = scan();
    let told = |contract: &ContractExplanation| {
        explained::render(&explained::explained(&scan, None, contract, Some(&finding))).replace("\n           ", " ")
    };
    let text = told(&contract);
    assert!(text.contains("\nIV         34.8 %\nDelta      0.491\n"), "{text}");
    assert!(
        text.contains("early exercise with cash dividends; implied spot 452.43, rate 4.00 %, a yield beside"),
        "{text}"
    );
    assert!(text.contains("\nDividends  $0.26 on 2026-12-10, $0.26 on 2027-03-10 (projected)\n"), "{text}");
    assert!(text.contains("\nGates saw  IV 35.2 %, delta 0.484: early exercise; implied spot 452.43"), "{text}");
    contract.metrics = None;
    contract.model = Some(PricingModel { dividend_bound: Some(0.52), ..model(ExerciseModel::American) });
    let text = told(&contract);
    assert!(text.contains("\nIV         35.2 %\n") && !text.contains("Gates saw"), "{text}");
    assert!(text.contains("dividends as a yield of 0.12 %, ± $0.52 a share by that\n"), "{text}");
}
