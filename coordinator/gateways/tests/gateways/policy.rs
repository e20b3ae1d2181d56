//! `deploy/aws/gateways-policy.json` allows every call the provider makes, and no other; what is ours alone is created with
//! our tag and changed under it.

use std::collections::BTreeSet;

use fleet_gateways::quota::Operation;
use fleet_gateways::resource::ResourceKind;
use fleet_gateways::tags;
use serde_json::Value;

const POLICY: &str = include_str!("../../../../deploy/aws/gateways-policy.json");
const PROVIDER: &str = include_str!("../../src/aws.rs");

/// Which condition has to stand beside a permission.
#[derive(Debug, PartialEq)]
enum Under {
    Nothing,
    TagInTheRequest,
    TagOfTheThing,
}

/// What a call is on the wire (the API's reference): method, path, and what our policy has to ask for.
fn on_the_wire(operation: Operation) -> (&'static str, &'static str, Under) {
    use ResourceKind::{ApiKey, RestApi, UsagePlan};
    match operation {
        Operation::CreateRestApi => ("POST", "/restapis", Under::TagInTheRequest),
        Operation::CreateUsagePlan => ("POST", "/usageplans", Under::TagInTheRequest),
        Operation::CreateApiKey => ("POST", "/apikeys", Under::TagInTheRequest),
        Operation::PutRestApi => ("PUT", "/restapis/a1", Under::TagOfTheThing),
        Operation::CreateDeployment => ("POST", "/restapis/a1/deployments", Under::TagOfTheThing),
        Operation::CreateUsagePlanKey => ("POST", "/usageplans/p1/keys", Under::TagOfTheThing),
        Operation::UpdateUsagePlan => ("PATCH", "/usageplans/p1", Under::TagOfTheThing),
        Operation::DeleteStage => ("DELETE", "/restapis/a1/stages/v1", Under::TagOfTheThing),
        Operation::Delete(RestApi) => ("DELETE", "/restapis/a1", Under::TagOfTheThing),
        Operation::Delete(UsagePlan) => ("DELETE", "/usageplans/p1", Under::TagOfTheThing),
        Operation::Delete(ApiKey) => ("DELETE", "/apikeys/k1", Under::TagOfTheThing),
        Operation::TagResource => ("PUT", "/tags/arn%3Aaws%3Aapigateway", Under::Nothing),
        Operation::Get(RestApi) => ("GET", "/restapis/a1", Under::Nothing),
        Operation::Get(UsagePlan) => ("GET", "/usageplans/p1", Under::Nothing),
        Operation::Get(ApiKey) => ("GET", "/apikeys/k1", Under::Nothing),
        Operation::List(RestApi) => ("GET", "/restapis", Under::Nothing),
        Operation::List(UsagePlan) => ("GET", "/usageplans", Under::Nothing),
        Operation::List(ApiKey) => ("GET", "/apikeys", Under::Nothing),
    }
}

fn statements() -> Vec<Value> {
    let policy: Value = serde_json::from_str(POLICY).unwrap();
    policy["Statement"].as_array().unwrap().clone()
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

/// As IAM reads it: `*` is any text.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((before, after)) => {
            let rest = text.strip_prefix(before);
            rest.is_some_and(|rest| (0..=rest.len()).any(|at| rest.is_char_boundary(at) && matches(after, &rest[at..])))
        }
    }
}

fn condition(statement: &Value) -> Under {
    let equals = &statement["Condition"]["StringEquals"];
    let tagged = |kind: &str| equals[format!("aws:{kind}/{}", tags::OWNER)] == "optionfleet";
    match (tagged("RequestTag"), tagged("ResourceTag")) {
        (true, false) => Under::TagInTheRequest,
        (false, true) => Under::TagOfTheThing,
        (false, false) if statement["Condition"].is_null() => Under::Nothing,
        _ => panic!("a condition nobody knows: {statement}"),
    }
}

/// Numbers of the statements that allow a call.
fn allowing(operation: Operation) -> Vec<usize> {
    let (verb, path, _) = on_the_wire(operation);
    let (action, resource) = (format!("apigateway:{verb}"), format!("arn:aws:apigateway:eu-west-1::{path}"));
    let allows = |statement: &Value| {
        statement["Effect"] == "Allow"
            && texts(&statement["Action"]).contains(&action)
            && texts(&statement["Resource"]).iter().any(|pattern| matches(pattern, &resource))
    };
    statements().iter().enumerate().filter(|(_, statement)| allows(statement)).map(|(n, _)| n).collect()
}

#[test]
fn every_call_is_allowed_once_and_under_its_condition() {
    let all = statements();
    for operation in Operation::ALL {
        let allowed = allowing(operation);
        assert_eq!(allowed.len(), 1, "{operation} is allowed by statements {allowed:?}");
        assert_eq!(condition(&all[allowed[0]]), on_the_wire(operation).2, "{operation}");
    }
}

#[test]
fn nothing_is_allowed_that_no_call_needs() {
    for (n, statement) in statements().iter().enumerate() {
        for action in texts(&statement["Action"]) {
            // `POST` on tags is what some SDKs send; DELETE, PATCH, PUT and POST on what is ours are one statement.
            let needed = action == "sts:GetCallerIdentity"
                || Operation::ALL.into_iter().any(|operation| {
                    action == format!("apigateway:{}", on_the_wire(operation).0) && allowing(operation).contains(&n)
                })
                || (statement["Sid"] == "TagWhatIsOurs" && action == "apigateway:POST");
            assert!(needed, "{action} of {} is needed by no call", statement["Sid"]);
        }
        for pattern in texts(&statement["Resource"]) {
            let of_ours = pattern == "*" && statement["Sid"] == "WhoAmI";
            assert!(of_ours || pattern.starts_with("arn:aws:apigateway:*::/"), "{pattern} is too wide");
        }
    }
}

/// The policy's test goes by [`Operation::ALL`]; this holds that list to the calls of the SDK that the provider makes.
#[test]
fn the_provider_calls_what_is_listed_and_nothing_else() {
    let snake = |name: &str| {
        let mut text = String::new();
        for letter in name.chars() {
            if letter.is_uppercase() && !text.is_empty() {
                text.push('_');
            }
            text.extend(letter.to_lowercase());
        }
        text
    };
    let listed: BTreeSet<String> = Operation::ALL.into_iter().map(|operation| snake(operation.name())).collect();
    let mut called = BTreeSet::new();
    for before in ["self.client(region).", " client.", "\nclient."] {
        for rest in PROVIDER.split(before).skip(1) {
            called.extend(rest.split('(').next().map(str::to_owned));
        }
    }
    assert_eq!(called, listed);
    assert_eq!(PROVIDER.matches("aws_sdk_sts::Client::new").count(), PROVIDER.matches(".get_caller_identity(").count());
}
