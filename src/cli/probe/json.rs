//! Findings for programs: one object.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use serde_json::json;

use crate::app::probe::Decode;
use crate::app::probe::End;
use crate::app::probe::Findings;
use crate::app::probe::Plan;
use crate::app::probe::identity::Support;
use crate::app::probe::search::Fate;
use crate::app::probe::search::Largest;
use crate::app::probe::search::Refusal;
use crate::app::probe::search::Search;
use crate::config::TransactionId;
use crate::tag::Value;
use crate::tag::readable;

use super::answers;

pub(super) fn report(plan: &Plan, findings: &Findings) -> serde_json::Result<String> {
    let units: Vec<_> = { findings.units.iter() }
        .map(|found| {
            let identification: BTreeMap<_, _> =
                answers::identification(&found.identification).into_iter().collect();
            json!({
                "unit": found.unit,
                "latency_ms": answers::milliseconds(found.latency),
                "identification": identification,
            })
        })
        .collect();
    let device = findings.units.first().map(|first| {
        json!({
            "unit": first.unit,
            "functions": findings.functions.iter().map(|(function, support)| {
                let (support, exception) = match support {
                    Support::Answers => ("answers", None),
                    Support::Refuses(code) => ("refuses", Some(code)),
                    Support::Unproven => ("unproven", None),
                    Support::Silent => ("silent", None),
                };
                json!({"code": function.code, "support": support, "exception": exception})
            }).collect::<Vec<_>>(),
            "decode": findings.decode.as_ref().map(decode),
            "tables": findings.tables.iter().map(table).collect::<Vec<_>>(),
        })
    });
    let times = findings.latencies().map(|times| {
        let [min, median, max] = times.map(answers::milliseconds);
        json!({"min": min, "median": median, "max": max, "n_replies": findings.times.len()})
    });
    let report = json!({
        "endpoint": plan.endpoint.to_string(),
        "end": match findings.end {
            End::Done => "done",
            End::Stopped => "stopped",
            End::LinkLost => "link lost",
        },
        "n_called": findings.n_called,
        "n_behind_gateway": findings.n_behind_gateway,
        "transaction_id": match findings.transaction_id {
            TransactionId::Strict => "strict",
            TransactionId::Lenient => "lenient",
        },
        "units": units,
        "device": device,
        "reply_ms": times,
        "n_requests": findings.n_requests,
        "trouble": findings.trouble,
    });
    Ok(serde_json::to_string(&report)? + "\n")
}

fn table(search: &Search) -> Json {
    let stretches = search.stretches();
    let ranges = stretches.iter().map(|stretch| {
        let refusals: Vec<_> = match &stretch.fate {
            Fate::Read => vec![],
            Fate::Refused(reasons) => reasons.iter().copied().map(refusal).collect(),
        };
        json!({
            "first": stretch.first,
            "last": stretch.last,
            "read": stretch.fate == Fate::Read,
            "n_places": stretch.n_places,
            "whole": stretch.is_whole(),
            "refusals": refusals,
        })
    });
    let (largest, is_limit, why) = match search.largest() {
        Largest::Unknown => (None, false, None),
        Largest::AtLeast(count) => (Some(count), false, None),
        Largest::Protocol(count) => (Some(count), true, None),
        Largest::Limit(count, why) => (Some(count), true, Some(refusal(why))),
    };
    json!({
        "table": search.table().to_string(),
        "absent": search.is_absent(),
        "ranges": ranges.collect::<Vec<_>>(),
        "answers_everywhere": search.answers_everywhere(),
        "all_zero": search.is_all_zero(),
        "largest_request": largest,
        "largest_is_limit": is_limit,
        "larger_refused": why,
        "n_requests": search.n_asked(),
    })
}

fn refusal(why: Refusal) -> Json {
    match why {
        Refusal::Exception(code) => code.into(),
        Refusal::Silent => "silent".into(),
    }
}

fn decode(found: &Decode) -> Json {
    let rows = answers::decoded(found).into_iter().map(|row| {
        let values: BTreeMap<_, _> = { row.values.iter() }
            .map(|(order, value)| {
                let is_plausible = value.as_ref().is_some_and(answers::is_plausible);
                (*order, json!({"value": value.as_ref().map(number), "plausible": is_plausible}))
            })
            .collect();
        (row.kind.to_string(), values)
    });
    json!({
        "at": found.at.to_string(),
        "registers": found.registers,
        "types": rows.collect::<BTreeMap<_, _>>(),
    })
}

fn number(value: &Value) -> Json {
    match value {
        Value::Bool(value) => (*value).into(),
        Value::Signed(value) => (*value).into(),
        Value::Unsigned(value) => (*value).into(),
        Value::Real(value) => readable(*value).into(),
        Value::Text(value) => Json::String(value.to_string()),
    }
}
