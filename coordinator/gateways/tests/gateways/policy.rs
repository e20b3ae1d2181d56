//! `deploy/aws/gateways-policy.json` allows every call the provider makes, and no other; what is ours alone is created with
//! our tag and changed under it.

use std::collections::BTreeSet;

use fleet_gateways::quota::Operation;
use fleet_gateways::resource::ResourceKind;
use fleet_gateways::tags;
use serde_json::{Value, json};

const POLICY: &str = include_str!("../../../../deploy/aws/gateways-policy.json");
const PROVIDER: &str = include_str!("../../src/aws.rs");

/// Which condition has to stand beside a permission.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Under {
    Nothing,
    TagInTheRequest,
    TagOfTheThing,
    /// The request brings the lease's tag and no other.
    LeaseAlone,
}

/// A permission that a call needs: method, path, and what our policy has to ask for.
type Permission = (&'static str, &'static str, Under);

/// Beside the creation itself: its tags. (AWS asks for the permission on the tags of everything of that kind.)
const TAGS_OF_THE_NEW: Permission = ("PUT", "/tags/arn%3Aaws%3Aapigateway%3A%2Frestapis%2F*", Under::TagInTheRequest);

/// What a call needs on the wire (the API's reference). Tagging takes two: on the tags, and on what is tagged; the second
/// is what keeps anybody from putting our tag on a thing of others.
fn permissions(operation: Operation) -> Vec<Permission> {
    use ResourceKind::{ApiKey, RestApi, UsagePlan};
    match operation {
        Operation::CreateRestApi => vec![("POST", "/restapis", Under::TagInTheRequest), TAGS_OF_THE_NEW],
        Operation::CreateUsagePlan => vec![("POST", "/usageplans", Under::TagInTheRequest), TAGS_OF_THE_NEW],
        Operation::CreateApiKey => vec![("POST", "/apikeys", Under::TagInTheRequest), TAGS_OF_THE_NEW],
        Operation::PutRestApi => vec![("PUT", "/restapis/a1", Under::TagOfTheThing)],
        Operation::CreateDeployment => vec![("POST", "/restapis/a1/deployments", Under::TagOfTheThing)],
        Operation::CreateUsagePlanKey => vec![("POST", "/usageplans/p1/keys", Under::TagOfTheThing)],
        Operation::UpdateUsagePlan => vec![("PATCH", "/usageplans/p1", Under::TagOfTheThing)],
        Operation::DeleteStage => vec![("DELETE", "/restapis/a1/stages/v1", Under::TagOfTheThing)],
        Operation::Delete(RestApi) => vec![("DELETE", "/restapis/a1", Under::TagOfTheThing)],
        Operation::Delete(UsagePlan) => vec![("DELETE", "/usageplans/p1", Under::TagOfTheThing)],
        Operation::Delete(ApiKey) => vec![("DELETE", "/apikeys/k1", Under::TagOfTheThing)],
        Operation::TagResource => vec![
            ("PUT", "/tags/arn%3Aaws%3Aapigateway%3A%2Frestapis%2Fa1", Under::LeaseAlone),
            ("PATCH", "/restapis/a1", Under::TagOfTheThing),
        ],
        Operation::Get(RestApi) => vec![("GET", "/restapis/a1", Under::Nothing)],
        Operation::Get(UsagePlan) => vec![("GET", "/usageplans/p1", Under::Nothing)],
        Operation::Get(ApiKey) => vec![("GET", "/apikeys/k1", Under::Nothing)],
        Operation::List(RestApi) => vec![("GET", "/restapis", Under::Nothing)],
        Operation::List(UsagePlan) => vec![("GET", "/usageplans", Under::Nothing)],
        Operation::List(ApiKey) => vec![("GET", "/apikeys", Under::Nothing)],
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
    let tagged = |kind: &str| json!({ "StringEquals": { format!("aws:{kind}/{}", tags::OWNER): "optionfleet" } });
    // Without `Null` a request that brings no tag at all would do.
    let lease = json!({
        "ForAllValues:StringEquals": { "aws:TagKeys": [tags::EXPIRES_AT] },
        "Null": { "aws:TagKeys": "false" },
    });
    match &statement["Condition"] {
        Value::Null => Under::Nothing,
        condition if *condition == tagged("RequestTag") => Under::TagInTheRequest,
        condition if *condition == tagged("ResourceTag") => Under::TagOfTheThing,
        condition if *condition == lease => Under::LeaseAlone,
        _ => panic!("a condition nobody knows: {statement}"),
    }
}

/// Numbers of the statements that give a permission.
fn giving((verb, path, under): Permission) -> Vec<usize> {
    let (action, resource) = (format!("apigateway:{verb}"), format!("arn:aws:apigateway:eu-west-1::{path}"));
    let gives = |statement: &Value| {
        statement["Effect"] == "Allow"
            && condition(statement) == under
            && texts(&statement["Action"]).contains(&action)
            && texts(&statement["Resource"]).iter().any(|pattern| matches(pattern, &resource))
    };
    statements().iter().enumerate().filter(|(_, statement)| gives(statement)).map(|(n, _)| n).collect()
}

#[test]
fn every_call_is_allowed_under_its_conditions() {
    for operation in Operation::ALL {
        for permission in permissions(operation) {
            assert_eq!(giving(permission).len(), 1, "{operation}: {permission:?}");
        }
    }
}

#[test]
fn a_renewal_brings_the_tag_of_the_lease_alone() {
    let lease = tags::lease("2026-11-27T15:00:00Z".parse().unwrap());
    assert_eq!(lease.keys().collect::<Vec<_>>(), [tags::EXPIRES_AT]);
}

#[test]
fn nothing_is_allowed_that_no_call_needs() {
    for (n, statement) in statements().iter().enumerate() {
        for action in texts(&statement["Action"]) {
            let needed = |operation| {
                let mut needed = permissions(operation).into_iter();
                needed.any(|permission| {
                    action == format!("apigateway:{}", permission.0) && giving(permission).contains(&n)
                })
            };
            // What AWS asks for where it asks for the action by name, and for tags that come with a creation.
            let of_tags = ["apigateway:POST", "apigateway:TagResource"].contains(&action.as_str())
                && texts(&statement["Resource"]) == ["arn:aws:apigateway:*::/tags/*"];
            let needed = action == "sts:GetCallerIdentity" || of_tags || Operation::ALL.into_iter().any(needed);
            assert!(needed, "{action} of {} is needed by no call", statement["Sid"]);
        }
        for pattern in texts(&statement["Resource"]) {
            let of_ours = pattern == "*" && statement["Sid"] == "WhoAmI";
            assert!(of_ours || pattern.starts_with("arn:aws:apigateway:*::/"), "{pattern} is too wide");
        }
        // Nothing is created, changed or deleted without a condition.
        let looks = texts(&statement["Action"])
            .iter()
            .all(|action| ["apigateway:GET", "sts:GetCallerIdentity"].contains(&action.as_str()));
        assert!(looks || condition(statement) != Under::Nothing, "{}", statement["Sid"]);
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
