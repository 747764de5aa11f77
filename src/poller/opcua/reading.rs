//! Readings of a server: what arrived together, taken at the same time and of the same grade.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use opcua::types::DataValue;

use crate::config::Server;
use crate::record::{BlockChecksum, Fault, Quality, Reading, Sample, SourceId};
use crate::tag::Tag;

use super::{explain, value};

/// A server, and the name it has in readings: it is both link and device.
pub(super) struct Source {
    pub(super) server: Arc<Server>,
    id: SourceId,
    device: Arc<str>,
}

impl Source {
    pub(super) fn new(id: SourceId, server: Arc<Server>) -> Self {
        let device = id.as_str().into();
        Self { server, id, device }
    }

    /// Readings of values with the tags they are of, earlier ones first.
    pub(super) fn readings<'a>(
        &self,
        values: impl IntoIterator<Item = (&'a Arc<Tag>, &'a DataValue)>,
        latency: Duration,
    ) -> Vec<Reading> {
        let now = SystemTime::now();
        let graded = |(tag, value)| {
            (value::time(value).unwrap_or(now), value::status_of(value), value::sample(tag, value))
        };
        let mut graded: Vec<_> = values.into_iter().map(graded).collect();
        graded.sort_by_key(|(at, status, _)| (*at, status.bits()));
        let together = graded.chunk_by(|(at, status, _), (next_at, next_status, _)| {
            (at, status) == (next_at, next_status)
        });
        let reading = |together: &[(SystemTime, _, Sample)]| {
            let (at, status, _) = together.first()?;
            let quality = value::quality(*status);
            let samples: Vec<_> = together.iter().map(|(_, _, sample)| sample.clone()).collect();
            let tags = samples.iter().map(|sample| &*sample.tag);
            let detail = (!quality.is_good()).then(|| explain::status(&self.server, tags, *status));
            Some(Reading { latency, samples, ..self.reading(*at, quality, detail) })
        };
        together.filter_map(reading).collect()
    }

    /// There is no session.
    pub(super) fn outage(&self, why: String) -> Reading {
        let quality = Quality::Bad(Fault::LinkDown);
        let sample = |tag: &Arc<Tag>| Sample { tag: Arc::clone(tag), value: None, quality };
        let samples = self.server.tags.iter().map(sample).collect();
        Reading { samples, ..self.reading(SystemTime::now(), quality, Some(why)) }
    }

    fn reading(&self, at: SystemTime, quality: Quality, detail: Option<String>) -> Reading {
        Reading {
            source: self.id.clone(),
            device: Arc::clone(&self.device),
            unit: None,
            at,
            latency: Duration::ZERO,
            missed: 0,
            exchange: None,
            quality,
            detail: detail.map(Into::into),
            samples: vec![],
            checksum: BlockChecksum::Unverified,
        }
    }
}
