package io.virtquorum.program;

import java.math.BigInteger;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Versions of the product. The guest program compares them alike, by the same examples. Pure. */
final class Version {
  private static final Pattern FORM =
      Pattern.compile(
          "([0-9]{1,9}(?:\\.[0-9]{1,9}){1,3})(?:-([0-9A-Za-z.-]{1,100}))?(?:\\+[0-9A-Za-z.-]{1,100})?");

  private static final Pattern NUMBER = Pattern.compile("[0-9]+");

  private Version() {}

  /**
   * True if one comes after the other, as in semantic versioning: 0.1.0 after 0.1.0-SNAPSHOT. What
   * is no such version is newer than nothing, and nothing is newer than it.
   */
  static boolean isNewer(String one, String other) {
    Matcher a = FORM.matcher(one);
    Matcher b = FORM.matcher(other);
    if (!a.matches() || !b.matches()) {
      return false;
    }
    int order = numbers(a.group(1).split("\\."), b.group(1).split("\\."));
    return (order != 0 ? order : beforeRelease(a.group(2), b.group(2))) > 0;
  }

  private static int numbers(String[] one, String[] other) {
    for (int i = 0; i < Math.max(one.length, other.length); i++) {
      int order =
          Integer.compare(
              i < one.length ? Integer.parseInt(one[i]) : 0,
              i < other.length ? Integer.parseInt(other[i]) : 0);
      if (order != 0) {
        return order;
      }
    }
    return 0;
  }

  private static int beforeRelease(String one, String other) {
    if (one == null || other == null) {
      return Boolean.compare(one == null, other == null);
    }
    String[] a = one.split("\\.", -1);
    String[] b = other.split("\\.", -1);
    for (int i = 0; i < Math.min(a.length, b.length); i++) {
      int order = words(a[i], b[i]);
      if (order != 0) {
        return order;
      }
    }
    return Integer.compare(a.length, b.length);
  }

  private static int words(String one, String other) {
    Optional<BigInteger> a = number(one);
    Optional<BigInteger> b = number(other);
    if (a.isPresent() && b.isPresent()) {
      return a.get().compareTo(b.get());
    }
    if (a.isPresent() != b.isPresent()) {
      return a.isPresent() ? -1 : 1;
    }
    return one.compareTo(other);
  }

  private static Optional<BigInteger> number(String word) {
    return NUMBER.matcher(word).matches() ? Optional.of(new BigInteger(word)) : Optional.empty();
  }
}
