// Package tenure runs a program for as long as something is held that can be lost: a lock, or an office.
package tenure
