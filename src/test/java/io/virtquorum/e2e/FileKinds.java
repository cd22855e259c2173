package io.virtquorum.e2e;

import java.util.Map;

/** Every kind of file, and every way in which two of them differ: shell commands for a guest. */
final class FileKinds {
  private static final String LONG = "n".repeat(255);

  /** How one member comes to differ from the other, each in a file of its own. */
  static final Map<String, String> DIFFERENCES =
      Map.ofEntries(
          Map.entry("a deleted file", "rm plain-1"),
          Map.entry("a stray file", "echo x > stray"),
          Map.entry("a stray directory", "mkdir -p one/two && echo x > one/two/three"),
          Map.entry(
              "other content of the same size and time",
              "at=$(stat -c %y plain-2); echo tent > plain-2; touch -d \"$at\" plain-2"),
          Map.entry("a link that leads elsewhere", "ln -sfn elsewhere link-1"),
          Map.entry("a file instead of a link", "rm link-2 && echo target > link-2"),
          Map.entry("a link instead of a file", "rm plain-3 && ln -s link-1 plain-3"),
          Map.entry("a directory instead of a file", "rm plain-4 && mkdir plain-4"),
          Map.entry("a file instead of a directory", "rm -r dir-1 && echo x > dir-1"),
          Map.entry("a file instead of a fifo", "rm fifo-1 && echo x > fifo-1"),
          Map.entry("no fifo", "rm fifo-2"),
          Map.entry("another mode", "chmod 0600 plain-5"),
          Map.entry("a set-user bit", "chmod u+s plain-6"),
          Map.entry("another mode of a directory", "chmod 1777 dir-2"),
          Map.entry("another owner", "chown 1234 plain-7"),
          Map.entry("another group", "chgrp 4321 dir-3"),
          Map.entry("another owner of a link", "chown -h 1234 link-3"),
          Map.entry("an empty file that is not", "echo x > empty"),
          Map.entry("a file that is emptied", ": > plain-8"),
          Map.entry(
              "a sparse file with a byte in its hole",
              "printf x | dd of=sparse bs=1 seek=5000000 conv=notrunc status=none"),
          Map.entry("a name with spaces", "echo other > ' a  b '"),
          Map.entry("a name with newlines", "echo other > \"$(printf 'a\\n\\nb\\n.')\""),
          Map.entry("a name with leading dashes", "rm -- --delete"),
          Map.entry("a name of 255 bytes", "echo other > " + LONG),
          Map.entry("a name that is not UTF-8", "rm \"$(printf '\\377\\200')\""),
          Map.entry("a name that is a pattern", "echo other > '*'"),
          Map.entry("a name with a backslash", "echo other > 'a\\#b'"));

  /** Makes one of each kind in an empty working directory. */
  static final String MAKE =
      """
      for i in 1 2 3 4 5 6 7 8; do echo text > plain-$i; chmod 0640 plain-$i; done; : > empty
      for i in 1 2 3; do mkdir dir-$i; echo in > dir-$i/in; ln -s target link-$i; mkfifo fifo-$i; done
      truncate -s 10M sparse; printf end >> sparse
      echo 1 > ' a  b '; echo 2 > "$(printf 'a\\n\\nb\\n.')"; echo 3 > ./--delete; echo 4 > %s
      echo 5 > "$(printf '\\377\\200')"; echo 6 > '*'; echo 7 > 'a\\#b'; echo 8 > .hidden
      chown 12:34 dir-*; chmod 2750 dir-*; chmod 0444 empty
      """
          .formatted(LONG);

  /** What two trees must have in common, by the words of other programs. */
  static final String JUDGE =
      """
      find . -path ./.virtquorum -prune -o -printf '%y %m %U %G %l %P\\0' | sort -z | sha256sum
      find . -path ./.virtquorum -prune -o -type f -print0 | sort -z | xargs -0 sha256sum
      """;

  private FileKinds() {}
}
