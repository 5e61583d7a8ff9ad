// Package survey asks several servers, each by itself, how they are.
package survey
