// Makes the page's own subset of Pretendard: the characters of the page's sentences, and the syllables that Korean names and
// addresses use most. With it the first visit needs two small files instead of a dozen; other syllables come from Pretendard's
// own subsets, by range. Run it again when the page has new words:
//   npm install --no-save subset-font@2.5.0 && node fonts.mjs
// The license of the font reserves the name Pretendard for unchanged files, so the subset is called Profile Sans.
import { readFileSync, writeFileSync } from "node:fs";
import subsetFont from "subset-font";

const names = `
  김이박최정강조윤장임한오서신권황안송전홍유고문양손배백허남심노하곽성차주우구민진지엄채원천방공현함변염여추도소석선설마길연위표명기반라왕금옥육인제모국은용예경봉사부
  가건결관광교규근나누늘다단달담대덕동두란람래량려련렬례로록료루류름리린림만미병보복빈상새서선성세소솔수숙순슬승시아애언열영완요운웅원율은을의익일자재정종준중지진찬창채철
  초충치태택평표필해향혁형혜호화환회효훈휘희별별
  서울부산대구인천광주대전울산세종경기강원특별자치도충청북남전라제주시군구동읍면리수원성남고양용인화성평택의정부시파주김포안산안양춘천원주강청주천안포항창원전주목포여수순천
`;
const marks = "₩…–—·×→←↑↓‘’“”•≥≤±°¢£€¥©®™ ";

const read = (path) => readFileSync(new URL(path, import.meta.url));
const ascii = Array.from({ length: 95 }, (_, index) => String.fromCharCode(32 + index)).join("");
const words = read("src/language/ko.ts").toString() + read("src/language/en.ts").toString();
const characters = [...new Set(ascii + marks + words + names)].filter((each) => each >= " ").sort();

for (const [weight, name] of [
  [400, "Regular"],
  [600, "SemiBold"],
]) {
  const whole = read(`node_modules/pretendard/dist/web/static/woff2/Pretendard-${name}.woff2`);
  const subset = await subsetFont(whole, characters.join(""), { targetFormat: "woff2" });
  writeFileSync(new URL(`src/style/fonts/profile-sans-${weight}.woff2`, import.meta.url), subset);
  process.stdout.write(`${weight}: ${characters.length} characters, ${subset.length} bytes\n`);
}
