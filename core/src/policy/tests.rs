use super::{
    compiled::CompiledPolicy,
    document::{Form, KindRule, Policy},
};
use crate::identifier::{Kind, blocked_value::always_blocked};

#[test]
fn the_initial_policy_has_no_faults_and_blocks_junk() {
    assert!(CompiledPolicy::new(Policy::default()).is_ok());
    assert!(CompiledPolicy::initial().blocks("unknown"));
}

#[test]
fn what_is_listed_as_always_blocked_is_blocked() {
    let policy = CompiledPolicy::initial();
    let listed = always_blocked();
    assert!(listed.contains(&"unknown"));
    for value in listed {
        assert!(policy.blocks(value), "{value}");
    }
}

#[test]
fn every_fault_of_a_policy_is_named() {
    let mut policy = Policy::default();
    policy.kinds[1].name = Kind::new("external_id");
    policy.kinds[2].priority = 1;
    policy.kinds[3].limit = 0;
    policy.kinds[4].form = Form::Pattern("[".to_owned());
    policy.kinds[5].name = Kind::new("Line ID");
    policy.blocked_patterns = vec!["(".to_owned()];
    policy.max_links = 0;
    let faults = CompiledPolicy::new(policy).expect_err("a faulty policy");
    let paths: Vec<&str> = faults.iter().map(|it| it.path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "kinds[1].name",
            "kinds[2].priority",
            "kinds[3].limit",
            "kinds[4].form.pattern",
            "kinds[5].name",
            "blocked_patterns[0]",
            "max_links"
        ]
    );
}

#[test]
fn a_policy_adds_blocked_values_patterns_and_kinds() {
    let mut policy = Policy {
        blocked_values: vec!["Shop-Tablet".to_owned()],
        blocked_patterns: vec!["demo-[0-9]+".to_owned()],
        ..Policy::default()
    };
    policy.kinds.push(KindRule {
        name: Kind::new("vin"),
        form: Form::Pattern("[A-Z0-9]{4}".to_owned()),
        limit: 3,
        priority: 8,
    });
    let policy = CompiledPolicy::new(policy).expect("a sound policy");
    assert!(policy.blocks("shop-tablet"));
    assert!(policy.blocks("demo-17"));
    assert!(!policy.blocks("a demo-17"));
    let vin = policy.kind("vin").expect("the new kind");
    assert!(policy.matches_pattern(vin, "AB12"));
    assert!(!policy.matches_pattern(vin, "AB123"));
}

#[test]
fn a_policy_document_survives_the_round_trip_and_unknown_fields_are_refused() {
    let policy = Policy::default();
    let text = serde_json::to_string(&policy).expect("json");
    assert_eq!(serde_json::from_str::<Policy>(&text).expect("the same"), policy);
    assert!(serde_json::from_str::<Policy>(r#"{"max_link":3}"#).is_err());
}

#[test]
fn a_policy_stays_within_what_every_value_can_be_judged_by() {
    let path_of = |policy: Policy| -> Vec<String> {
        policy.within_bounds().err().unwrap_or_default().into_iter().map(|fault| fault.path).collect()
    };
    let blocking = |patterns: &[&str]| Policy {
        blocked_patterns: patterns.iter().map(|&pattern| pattern.to_owned()).collect(),
        ..Policy::default()
    };
    assert_eq!(path_of(Policy::default()), [""; 0]);
    // As people write them; invalid regular expressions are another fault.
    let usual =
        ["demo-[0-9]+", "(?i)test.*", "0{4,}", "[A-Za-z0-9]{8}(-[A-Za-z0-9]{4}){3}", "(", "(a*)*b", ".*@example\\.com"];
    assert_eq!(path_of(blocking(&usual)), [""; 0]);
    for pattern in
        ["((.{0,60}){0,60}){0,1}z", "(x{1000}){1000}", "((a{0,100}){0,100})", "(?:(?:(?:.{0,99}){0,99}){0,99}){0,99}"]
    {
        assert_eq!(path_of(blocking(&[pattern])), ["blocked_patterns[0]"], "{pattern}");
        let mut kinds = Policy::default();
        kinds.kinds[6].form = Form::Pattern(pattern.to_owned());
        assert_eq!(path_of(kinds), ["kinds[6].form.pattern"], "{pattern}");
    }
    let many: Vec<String> = (0..90).map(|n| format!("a{n}[0-9]{{0,200}}")).collect();
    let many = Policy { blocked_patterns: many, ..Policy::default() };
    assert!(!path_of(many).is_empty(), "each is small, and all together are not");
    let long = "a".repeat(1_001);
    assert_eq!(path_of(blocking(&[&long, "b"])), ["blocked_patterns[0]"]);
    let too_many = Policy {
        blocked_patterns: vec!["a".to_owned(); 101],
        blocked_values: (0..10_001).map(|n| n.to_string()).chain([long]).collect(),
        ..Policy::default()
    };
    assert_eq!(path_of(too_many), ["blocked_patterns", "blocked_values"]);
    let long_value = Policy { blocked_values: vec!["a".repeat(256)], ..Policy::default() };
    assert_eq!(path_of(long_value), ["blocked_values[0]"]);
}
