// Package rollout tells, from plain values, what a workload is, which of its pods are of its newest template, how far it
// has come in replacing them, and why it does not get on.
package rollout
