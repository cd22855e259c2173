package io.virtquorum.guest;

/**
 * Why a repair is made, as its archive entry says it.
 *
 * @param entry the entry's name; characters other than letters, digits, dot, dash and underscore
 *     become dashes
 * @param verdict a sentence
 * @param attributed somebody wrote what is replaced, whatever the member knows of it: the entry is
 *     never removed automatically
 */
public record ArchiveNote(String entry, String verdict, boolean attributed) {
  /** What the member knows of users decides. */
  public ArchiveNote(String entry, String verdict) {
    this(entry, verdict, false);
  }
}
