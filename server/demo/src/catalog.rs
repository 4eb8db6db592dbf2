//! The material of customers: names, places, machines, products. Invented or generic, without real data.

/// Korean family names with a Latin spelling, as frequent as in Korea.
pub(super) const FAMILY_NAMES: [((&str, &str), u64); 24] = [
    (("김", "Kim"), 215),
    (("이", "Lee"), 147),
    (("박", "Park"), 84),
    (("최", "Choi"), 47),
    (("정", "Jung"), 43),
    (("강", "Kang"), 24),
    (("조", "Cho"), 21),
    (("윤", "Yoon"), 20),
    (("장", "Jang"), 20),
    (("임", "Lim"), 17),
    (("한", "Han"), 16),
    (("오", "Oh"), 15),
    (("서", "Seo"), 15),
    (("신", "Shin"), 15),
    (("권", "Kwon"), 14),
    (("황", "Hwang"), 14),
    (("안", "Ahn"), 14),
    (("송", "Song"), 14),
    (("류", "Ryu"), 13),
    (("홍", "Hong"), 11),
    (("남궁", "Namgung"), 1),
    (("황보", "Hwangbo"), 1),
    (("제갈", "Jegal"), 1),
    (("선우", "Sunwoo"), 1),
];

pub(super) const MALE_NAMES: [(&str, &str); 30] = [
    ("민준", "Minjun"),
    ("서준", "Seojun"),
    ("도윤", "Doyun"),
    ("예준", "Yejun"),
    ("시우", "Siwoo"),
    ("하준", "Hajun"),
    ("주원", "Juwon"),
    ("지호", "Jiho"),
    ("준우", "Junwoo"),
    ("건우", "Geonwoo"),
    ("현우", "Hyunwoo"),
    ("지훈", "Jihoon"),
    ("우진", "Woojin"),
    ("서진", "Seojin"),
    ("연우", "Yeonwoo"),
    ("정우", "Jungwoo"),
    ("승우", "Seungwoo"),
    ("성민", "Sungmin"),
    ("재현", "Jaehyun"),
    ("태윤", "Taeyun"),
    ("동현", "Donghyun"),
    ("상훈", "Sanghoon"),
    ("영수", "Youngsoo"),
    ("종호", "Jongho"),
    ("광수", "Kwangsoo"),
    ("병철", "Byungchul"),
    ("성호", "Sungho"),
    ("은호", "Eunho"),
    ("진우", "Jinwoo"),
    ("휘", "Hwi"),
];

pub(super) const FEMALE_NAMES: [(&str, &str); 30] = [
    ("서연", "Seoyeon"),
    ("서윤", "Seoyun"),
    ("지우", "Jiwoo"),
    ("서현", "Seohyun"),
    ("민서", "Minseo"),
    ("하은", "Haeun"),
    ("하윤", "Hayun"),
    ("윤서", "Yunseo"),
    ("지유", "Jiyu"),
    ("지민", "Jimin"),
    ("채원", "Chaewon"),
    ("수아", "Sua"),
    ("지아", "Jia"),
    ("은서", "Eunseo"),
    ("다은", "Daeun"),
    ("예은", "Yeeun"),
    ("수빈", "Subin"),
    ("소율", "Soyul"),
    ("예린", "Yerin"),
    ("유진", "Yujin"),
    ("혜진", "Hyejin"),
    ("은정", "Eunjung"),
    ("미경", "Mikyung"),
    ("정숙", "Jungsook"),
    ("영희", "Younghee"),
    ("경희", "Kyunghee"),
    ("순자", "Soonja"),
    ("명숙", "Myungsook"),
    ("현정", "Hyunjung"),
    ("솔", "Sol"),
];

pub(super) const ENGLISH_MALE_NAMES: [&str; 12] =
    ["James", "Oliver", "Noah", "Liam", "Ethan", "Lucas", "Henry", "Samuel", "Daniel", "Peter", "Arthur", "Zach"];
pub(super) const ENGLISH_FEMALE_NAMES: [&str; 12] =
    ["Emma", "Olivia", "Ava", "Sophie", "Mia", "Grace", "Chloe", "Alice", "Hannah", "Ruth", "Zoë", "Julia"];
pub(super) const ENGLISH_FAMILY_NAMES: [&str; 12] = [
    "Smith",
    "Brown",
    "Wilson",
    "Taylor",
    "Clark",
    "Walker",
    "Hall",
    "Young",
    "King",
    "Wright",
    "O'Connor",
    "Baker-Hill",
];

pub(super) struct Place {
    pub(super) country: &'static str,
    pub(super) region: &'static str,
    pub(super) city: &'static str,
    pub(super) time_zone: &'static str,
}

const fn korea(region: &'static str, city: &'static str) -> Place {
    Place { country: "KR", region, city, time_zone: "Asia/Seoul" }
}

/// Where customers live, weighted roughly by population.
pub(super) const PLACES: [(Place, u64); 26] = [
    (korea("서울특별시", "강남구"), 110),
    (korea("서울특별시", "송파구"), 90),
    (korea("서울특별시", "마포구"), 70),
    (korea("서울특별시", "관악구"), 60),
    (korea("서울특별시", "노원구"), 50),
    (korea("경기도", "수원시"), 90),
    (korea("경기도", "성남시"), 80),
    (korea("경기도", "고양시"), 70),
    (korea("경기도", "용인시"), 70),
    (korea("경기도", "화성시"), 50),
    (korea("인천광역시", "연수구"), 50),
    (korea("부산광역시", "해운대구"), 60),
    (korea("부산광역시", "부산진구"), 40),
    (korea("대구광역시", "수성구"), 40),
    (korea("대전광역시", "유성구"), 40),
    (korea("광주광역시", "광산구"), 35),
    (korea("울산광역시", "남구"), 25),
    (korea("세종특별자치시", "세종시"), 15),
    (korea("강원특별자치도", "춘천시"), 20),
    (korea("충청북도", "청주시"), 25),
    (korea("전북특별자치도", "전주시"), 25),
    (korea("경상남도", "창원시"), 30),
    (korea("제주특별자치도", "제주시"), 25),
    (Place { country: "JP", region: "東京都", city: "新宿区", time_zone: "Asia/Tokyo" }, 8),
    (Place { country: "US", region: "California", city: "Los Angeles", time_zone: "America/Los_Angeles" }, 8),
    (Place { country: "VN", region: "Hà Nội", city: "Cầu Giấy", time_zone: "Asia/Ho_Chi_Minh" }, 4),
];

pub(super) const CARRIERS: [(&str, u64); 4] = [("SKT", 40), ("KT", 25), ("LG U+", 20), ("알뜰폰", 15)];

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Platform {
    Android,
    Ios,
    Web,
}

impl Platform {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Android => "Android",
            Self::Ios => "iOS",
            Self::Web => "Web",
        }
    }

    /// The source that sends from it.
    pub(super) const fn source(self) -> &'static str {
        match self {
            Self::Android | Self::Ios => "app",
            Self::Web => "web",
        }
    }

    /// The name that the sending library uses.
    pub(super) const fn library(self) -> &'static str {
        match self {
            Self::Android => "android",
            Self::Ios => "ios",
            Self::Web => "javascript",
        }
    }
}

/// A model of machine that sends messages.
pub(super) struct Machine {
    pub(super) platform: Platform,
    pub(super) model: Option<&'static str>,
    pub(super) os: &'static str,
    pub(super) os_version: &'static str,
    pub(super) browser: Option<(&'static str, &'static str)>,
    pub(super) user_agent: Option<&'static str>,
}

const fn app(platform: Platform, model: &'static str, os: &'static str, os_version: &'static str) -> Machine {
    Machine { platform, model: Some(model), os, os_version, browser: None, user_agent: None }
}

pub(super) const PHONES: [(Machine, u64); 14] = [
    (app(Platform::Android, "Galaxy S24", "Android", "14"), 90),
    (app(Platform::Android, "Galaxy S24 Ultra", "Android", "15"), 60),
    (app(Platform::Android, "Galaxy S23", "Android", "14"), 80),
    (app(Platform::Android, "Galaxy S22", "Android", "13"), 60),
    (app(Platform::Android, "Galaxy Z Flip5", "Android", "14"), 60),
    (app(Platform::Android, "Galaxy Z Fold5", "Android", "14"), 30),
    (app(Platform::Android, "Galaxy A54", "Android", "13"), 60),
    (app(Platform::Android, "Pixel 8", "Android", "15"), 10),
    (app(Platform::Ios, "iPhone 15 Pro", "iOS", "17.6.1"), 70),
    (app(Platform::Ios, "iPhone 15", "iOS", "18.1"), 60),
    (app(Platform::Ios, "iPhone 14", "iOS", "17.5"), 50),
    (app(Platform::Ios, "iPhone 13 mini", "iOS", "16.7.8"), 30),
    (app(Platform::Ios, "iPhone 12", "iOS", "16.6"), 25),
    (app(Platform::Ios, "iPhone SE", "iOS", "17.4.1"), 20),
];

pub(super) const TABLETS: [Machine; 4] = [
    app(Platform::Ios, "iPad Air", "iPadOS", "17.5"),
    app(Platform::Ios, "iPad mini", "iPadOS", "18.1"),
    app(Platform::Android, "Galaxy Tab S9", "Android", "14"),
    app(Platform::Android, "Galaxy Tab A8", "Android", "13"),
];

pub(super) const SHOP_TABLET: Machine = app(Platform::Android, "Galaxy Tab Active5", "Android", "14");

const fn browser(
    os: &'static str,
    os_version: &'static str,
    browser: (&'static str, &'static str),
    user_agent: &'static str,
) -> Machine {
    Machine {
        platform: Platform::Web,
        model: None,
        os,
        os_version,
        browser: Some(browser),
        user_agent: Some(user_agent),
    }
}

pub(super) const BROWSERS: [(Machine, u64); 6] = [
    (
        browser(
            "Windows",
            "10",
            ("Chrome", "131.0.0.0"),
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
        ),
        45,
    ),
    (
        browser(
            "Windows",
            "10",
            ("Edge", "130.0.0.0"),
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36 Edg/130.0.0.0",
        ),
        15,
    ),
    (
        browser(
            "Windows",
            "10",
            ("Whale", "3.28.266.14"),
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 Whale/3.28.266.14 Safari/537.36",
        ),
        15,
    ),
    (
        browser(
            "macOS",
            "10.15.7",
            ("Safari", "17.6"),
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Safari/605.1.15",
        ),
        12,
    ),
    (
        browser(
            "Android",
            "10",
            ("Samsung Internet", "26.0"),
            "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/26.0 Chrome/122.0.0.0 Mobile Safari/537.36",
        ),
        10,
    ),
    (
        browser(
            "Linux",
            "x86_64",
            ("Firefox", "132.0"),
            "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0",
        ),
        3,
    ),
];

pub(super) struct Product {
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    /// The name under which it is sold in the second year.
    pub(super) new_name: Option<&'static str>,
    pub(super) category1: &'static str,
    pub(super) category2: &'static str,
    /// In won.
    pub(super) price: i64,
    /// Whether customers buy several at once.
    pub(super) in_numbers: bool,
}

const fn one(
    category1: &'static str,
    category2: &'static str,
    id: &'static str,
    name: &'static str,
    price: i64,
) -> Product {
    Product { id, name, new_name: None, category1, category2, price, in_numbers: false }
}

const fn many(
    category1: &'static str,
    category2: &'static str,
    id: &'static str,
    name: &'static str,
    price: i64,
) -> Product {
    Product { in_numbers: true, ..one(category1, category2, id, name, price) }
}

const fn renamed(product: Product, new_name: &'static str) -> Product {
    Product { new_name: Some(new_name), ..product }
}

/// Sorted by major category, with [`PRODUCTS_A_CATEGORY`] each.
pub(super) const PRODUCTS: [Product; CATEGORIES.len() * PRODUCTS_A_CATEGORY] = [
    many("식품", "과일·채소", "F1001", "제주 감귤 3kg", 18_900),
    many("식품", "정육", "F1002", "한우 불고기용 300g", 23_900),
    many("식품", "생수·음료", "F1003", "생수 2L 12병", 9_900),
    many("식품", "가공식품", "F1004", "즉석밥 210g 24개", 26_900),
    renamed(many("식품", "커피·차", "F1005", "원두 커피 1kg", 24_800), "원두 커피 1kg (새 포장)"),
    many("식품", "간식", "F1006", "현미 누룽지 과자 10봉", 12_500),
    one("패션의류", "여성의류", "C2001", "린넨 롱 원피스", 59_000),
    one("패션의류", "여성의류", "C2002", "캐시미어 니트 가디건", 89_000),
    one("패션의류", "남성의류", "C2003", "옥스퍼드 셔츠", 39_900),
    one("패션의류", "남성의류", "C2004", "경량 패딩 조끼", 69_000),
    renamed(one("패션의류", "공용의류", "C2005", "무지 반팔 티셔츠 3장", 29_900), "무지 반팔 티셔츠 3장 세트"),
    one("패션의류", "공용의류", "C2006", "와이드 데님 팬츠", 49_900),
    one("패션잡화", "가방", "A3001", "소가죽 크로스백", 128_000),
    one("패션잡화", "가방", "A3002", "캔버스 에코백", 19_900),
    one("패션잡화", "신발", "A3003", "데일리 스니커즈", 79_000),
    one("패션잡화", "신발", "A3004", "메리제인 플랫슈즈", 52_000),
    one("패션잡화", "주얼리", "A3005", "실버 925 목걸이", 35_000),
    many("패션잡화", "양말", "A3006", "면 양말 5켤레", 9_900),
    one("뷰티", "스킨케어", "B4001", "수분 크림 50ml", 28_000),
    one("뷰티", "스킨케어", "B4002", "비타민 세럼 30ml", 34_000),
    many("뷰티", "마스크팩", "B4003", "진정 마스크팩 10매", 15_000),
    renamed(one("뷰티", "선케어", "B4004", "선크림 SPF50+ 50ml", 19_800), "데일리 선크림 SPF50+ 50ml"),
    one("뷰티", "메이크업", "B4005", "쿠션 파운데이션", 32_000),
    one("뷰티", "헤어", "B4006", "두피 케어 샴푸 500ml", 21_000),
    one("가전·디지털", "주방가전", "E5001", "에어프라이어 5L", 89_000),
    one("가전·디지털", "계절가전", "E5002", "무선 선풍기", 64_900),
    one("가전·디지털", "생활가전", "E5003", "로봇청소기", 389_000),
    one("가전·디지털", "음향", "E5004", "노이즈캔슬링 이어폰", 159_000),
    one("가전·디지털", "PC주변기기", "E5005", "무선 키보드", 45_900),
    many("가전·디지털", "소모품", "E5006", "USB-C 충전 케이블 2m", 12_900),
    many("생활용품", "화장지", "L6001", "3겹 화장지 30롤", 22_900),
    many("생활용품", "세제", "L6002", "액체 세제 리필 2L", 11_900),
    many("생활용품", "주방용품", "L6003", "밀폐용기 세트", 24_900),
    one("생활용품", "욕실용품", "L6004", "호텔 수건 10장", 33_900),
    one("생활용품", "수납", "L6005", "옷장 수납 정리함", 17_900),
    many("생활용품", "구강", "L6006", "칫솔 12개입", 13_900),
    many("출산·유아동", "기저귀", "K7001", "밴드형 기저귀 4팩", 58_900),
    many("출산·유아동", "분유·이유식", "K7002", "유기농 이유식 큐브", 16_800),
    many("출산·유아동", "물티슈", "K7003", "아기 물티슈 20팩", 27_900),
    one("출산·유아동", "완구", "K7004", "원목 블록 100조각", 38_000),
    one("출산·유아동", "의류", "K7005", "아동 우주복", 31_500),
    one("출산·유아동", "외출용품", "K7006", "휴대용 유모차", 189_000),
    one("스포츠·레저", "요가·필라테스", "S8001", "요가 매트 10mm", 32_900),
    one("스포츠·레저", "러닝", "S8002", "러닝화", 119_000),
    one("스포츠·레저", "캠핑", "S8003", "원터치 텐트 4인용", 145_000),
    one("스포츠·레저", "등산", "S8004", "경량 등산 스틱", 42_000),
    one("스포츠·레저", "골프", "S8005", "골프 장갑", 18_000),
    one("스포츠·레저", "자전거", "S8006", "자전거 헬멧", 54_000),
    many("건강식품", "비타민", "H9001", "종합 비타민 90정", 26_000),
    many("건강식품", "오메가3", "H9002", "오메가3 180캡슐", 34_900),
    many("건강식품", "유산균", "H9003", "유산균 60포", 29_900),
    one("건강식품", "홍삼", "H9004", "홍삼정 240g", 98_000),
    many("건강식품", "다이어트", "H9005", "단백질 쉐이크 14포", 31_000),
    many("건강식품", "콜라겐", "H9006", "저분자 콜라겐 30포", 27_500),
    one("도서·문구", "소설", "D0001", "장편소설 『바다의 편지』", 15_120),
    one("도서·문구", "경제경영", "D0002", "숫자로 읽는 경제", 17_100),
    one("도서·문구", "아동", "D0003", "그림책 『달과 고양이』", 12_600),
    many("도서·문구", "필기구", "D0004", "중성펜 0.5mm 10자루", 9_000),
    many("도서·문구", "노트", "D0005", "무선 노트 A5 5권", 11_500),
    one("도서·문구", "다이어리", "D0006", "만년 다이어리", 21_000),
    many("반려동물", "사료", "P1101", "강아지 사료 5kg", 42_900),
    many("반려동물", "간식", "P1102", "고양이 짜 먹는 간식 50개", 23_900),
    many("반려동물", "위생", "P1103", "두부 모래 6L 4포", 27_600),
    many("반려동물", "위생", "P1104", "배변 패드 100매", 19_900),
    one("반려동물", "이동장", "P1105", "반려동물 이동 가방", 36_000),
    one("반려동물", "장난감", "P1106", "고양이 낚싯대", 7_900),
];

pub(super) const PRODUCTS_A_CATEGORY: usize = 6;

/// The major categories in the order of [`PRODUCTS`], weighted by sales.
pub(super) const CATEGORIES: [(&str, u64); 11] = [
    ("식품", 24),
    ("패션의류", 13),
    ("패션잡화", 8),
    ("뷰티", 13),
    ("가전·디지털", 7),
    ("생활용품", 12),
    ("출산·유아동", 5),
    ("스포츠·레저", 5),
    ("건강식품", 6),
    ("도서·문구", 4),
    ("반려동물", 3),
];

/// January to December: how busy a month is, in percent of the busiest (the sales of November).
pub(super) const MONTHS: [u64; 12] = [70, 62, 68, 66, 80, 64, 62, 60, 82, 74, 100, 92];
/// Monday to Sunday, in percent of the busiest.
pub(super) const WEEKDAYS: [u64; 7] = [84, 76, 74, 76, 80, 92, 100];

/// Midnight to 23: how busy an hour is, in percent of the busiest.
pub(super) const HOURS: [u64; 24] =
    [32, 16, 8, 4, 3, 4, 11, 26, 42, 47, 58, 63, 79, 68, 53, 51, 51, 53, 58, 68, 84, 100, 95, 63];

pub(super) const KEYWORDS: [&str; 12] = [
    "선물",
    "감귤",
    "무선 이어폰",
    "원피스",
    "캠핑",
    "기저귀",
    "선크림",
    "단백질",
    "화장지",
    "강아지 사료",
    "러닝화",
    "다이어리",
];
pub(super) const PAYMENT_METHODS: [(&str, u64); 5] =
    [("CREDIT_CARD", 55), ("KAKAO_PAY", 18), ("NAVER_PAY", 15), ("BANK_TRANSFER", 8), ("MOBILE", 4)];
pub(super) const STORES: [&str; 6] = ["강남점", "판교점", "홍대점", "해운대점", "동성로점", "온라인"];
pub(super) const CHANNELS: [(&str, u64); 5] =
    [("search", 35), ("friend", 20), ("kakao_channel", 20), ("instagram", 15), ("store", 10)];
pub(super) const MEMBERSHIPS: [&str; 4] = ["BRONZE", "SILVER", "GOLD", "VIP"];
