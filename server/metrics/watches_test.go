package metrics_test

import (
	"testing"

	"github.com/quorate/quorate/server/metrics"
	"github.com/quorate/quorate/server/watch"
)

func TestHubOfWatchesIsRead(t *testing.T) {
	m := metrics.New()
	now := watch.Stats{Watches: 1, Paths: 2, Cursors: 3, Events: 4, Changes: 5, Bytes: 6, Base: 7}
	m.WatchHub(func() watch.Stats { return now })
	has(t, scrape(t, m),
		"watch_count 1", "quorate_watched_paths 2", "quorate_watch_streams 3", "# TYPE quorate_watch_events_total counter", "quorate_watch_events_total 4",
		"quorate_watch_history_changes 5", "quorate_watch_history_bytes 6", "quorate_watch_history_zxid 7")
	now.Watches = 9
	has(t, scrape(t, m), "watch_count 9")
}
