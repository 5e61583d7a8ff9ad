// Package summary keeps count, sum, extremes and quantiles of what is measured on a hot path: an observation is a handful of atomic
// additions, without a lock or an allocation. ZooKeeper: AvgMinMaxPercentileCounter.
package summary
