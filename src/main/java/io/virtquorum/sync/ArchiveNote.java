package io.virtquorum.sync;

/**
 * Why a repair is made, as its archive entry says it.
 *
 * @param entry the entry's name; characters other than letters, digits, dot, dash and underscore
 *     become dashes
 * @param verdict a sentence
 */
public record ArchiveNote(String entry, String verdict) {}
