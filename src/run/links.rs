//! The connections of a run: one link per host, and shells on the controller. A rehearsal of the run shares
//! them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use crate::model::{Connection, Failure, Host};
use crate::transport::Connector;

use super::dispatcher::Bus;
use super::link::Link;
use super::waits::Waits;

/// The links of a run, by host.
pub(super) struct Links {
    connector: Arc<Connector>,
    bus: Bus,
    waits: Waits,
    by_host: Mutex<HashMap<String, Arc<Link>>>,
    /// The shell on the controller that the playbook uses.
    controller: OnceLock<Arc<Link>>,
    /// Shells on the controller that are not in use.
    idle: Mutex<Vec<Arc<Link>>>,
}

impl Links {
    /// Connection events are reported to `bus`.
    pub(crate) fn new(connector: Arc<Connector>, bus: Bus, waits: Waits) -> Self {
        Self {
            connector,
            bus,
            waits,
            by_host: Mutex::default(),
            controller: OnceLock::new(),
            idle: Mutex::default(),
        }
    }

    /// Returns the one link to a host. Nothing is sent before it is used. `connection` describes how to
    /// reach the host.
    ///
    /// # Errors
    /// That of `connection`.
    pub(crate) fn get(
        &self,
        host: &Arc<Host>,
        connection: impl FnOnce() -> Result<Connection, Failure>,
    ) -> Result<Arc<Link>, Failure> {
        if let Some(link) = lock(&self.by_host).get(&host.name) {
            return Ok(link.clone());
        }
        let link = Link::new(
            host.clone(),
            connection()?,
            &self.connector,
            self.bus.clone(),
            self.waits.clone(),
        );
        let mut links = lock(&self.by_host);
        let link = links.entry(host.name.clone()).or_insert(Arc::new(link));
        Ok(link.clone())
    }

    /// Returns the shell on the controller that the playbook uses.
    pub(crate) fn controller(&self) -> Arc<Link> {
        let link = self.controller.get_or_init(|| self.open_controller());
        link.clone()
    }

    /// Calls `work` with a shell on the controller that nothing else uses meanwhile. It is kept for the
    /// next call, so there are only as many shells as are used at a time.
    pub(crate) fn with_controller<T>(&self, work: impl FnOnce(Arc<Link>) -> T) -> T {
        let idle = lock(&self.idle).pop();
        let link = idle.unwrap_or_else(|| self.open_controller());
        let result = work(link.clone());
        lock(&self.idle).push(link);
        result
    }

    fn open_controller(&self) -> Arc<Link> {
        let (bus, waits) = (self.bus.clone(), self.waits.clone());
        Arc::new(Link::controller(&self.connector, bus, waits))
    }

    /// Ends all sessions and connections.
    pub(crate) async fn close(&self) {
        let mut links: Vec<_> = lock(&self.by_host).drain().map(|(_, link)| link).collect();
        links.append(&mut lock(&self.idle));
        links.extend(self.controller.get().cloned());
        let closing = links.iter().map(|link| link.close());
        futures_util::future::join_all(closing).await;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
