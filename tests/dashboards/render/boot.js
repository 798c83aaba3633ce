// SPDX-License-Identifier: Apache-2.0
// Grafana's libraries read these when they are loaded.
window.__grafana_public_path__ = "/public/";
window.grafanaBootData = { user: { locale: "en-GB", timezone: "utc" }, settings: { featureToggles: {} }, navTree: [] };
