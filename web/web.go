// Package web is the door for people: the app, the JSON API behind it
// (docs/protocol/api.md) and the live stream of what changes.
//
// It makes the shapes that the app shows out of signed events, and event
// templates out of what a person writes. It keeps nothing: what it needs of
// the node it asks for through the small contracts in contracts.go.
package web
